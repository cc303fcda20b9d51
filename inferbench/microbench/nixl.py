"""NIXL's agent with its UCX backend (ai-dynamo/nixl, docs of the Python API)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from typing import Any

import orjson
from typing_extensions import override

from inferbench.errors import UsageError
from inferbench.microbench.backends import Bytes, KvBackend, Message, ProbeError, package_version
from inferbench.microbench.kv_result import Direction

PACKAGES = ("nixl", "nixl-cu12", "nixl-cu13")
MODULES = ("nixl_cu12", "nixl_cu13")
"""What `nixl` itself chooses from; importing these needs no torch."""
UCX = "UCX"
LOOPBACK = {"UCX_TLS": "tcp,self", "UCX_NET_DEVICES": "lo"}
"""On loopback UCX would copy through shared memory, which is no network at all."""


class Nixl(KvBackend):
    """One end."""

    def __init__(self, api: Any, buffer: Bytes) -> None:
        self.version = package_version(*PACKAGES)
        self._name = f"inferbench-{uuid.uuid4().hex[:12]}"
        strict = api.nixl_thread_sync_t.NIXL_THREAD_SYNC_STRICT
        self._agent = api.nixl_agent(self._name, api.nixl_agent_config(backends=[UCX], sync_mode=strict))
        if UCX not in self._agent.backends:
            raise ProbeError("nixl has no UCX backend here")
        self.transport = f"UCX {os.environ.get('UCX_TLS', 'all')}"
        self._base, self.buffer = buffer.ctypes.data, buffer
        self._registered = self._agent.register_memory([(self._base, len(buffer), 0, "")], "DRAM")
        self._there, self._remote_base = "", 0

    @override
    def address(self) -> bytes:
        return orjson.dumps([self._agent.get_agent_metadata().hex(), self._base])

    @override
    def connect(self, address: bytes) -> None:
        metadata, self._remote_base = orjson.loads(address)
        name = self._agent.add_remote_agent(bytes.fromhex(metadata))
        self._there = name.decode() if isinstance(name, bytes) else name

    @override
    def transfer(self, direction: Direction, messages: Sequence[Message]) -> None:
        agent = self._agent
        local = agent.get_xfer_descs([(self._base + m.local, m.size, 0) for m in messages], "DRAM")
        remote = agent.get_xfer_descs([(self._remote_base + m.remote, m.size, 0) for m in messages], "DRAM")
        handle = agent.initialize_xfer(direction.upper(), local, remote, self._there)
        try:
            state = agent.transfer(handle)
            while state == "PROC":
                time.sleep(0)  # NIXL has nothing to wait on but its state; the other threads get their turn
                state = agent.check_xfer_state(handle)
            if state != "DONE":
                raise ProbeError(f"nixl: a {direction} of {len(messages)} messages ended as {state}")
        finally:
            agent.release_xfer_handle(handle)

    @override
    def close(self) -> None:
        if self._there:
            self._agent.remove_remote_agent(self._there)
        self._agent.deregister_memory(self._registered)


def make(host: str, buffer: Bytes, transport: str | None) -> KvBackend:
    """Open an end; the transport is a list as UCX_TLS takes it. Raises UsageError where the package is missing."""
    if transport is not None:
        os.environ["UCX_TLS"] = transport
    if host.startswith("127."):
        for name, value in LOOPBACK.items():
            os.environ.setdefault(name, value)
    os.environ.setdefault("NIXL_LOG_LEVEL", "ERROR")
    from importlib import import_module

    for module in MODULES:
        try:
            return Nixl(import_module(f"{module}._api"), buffer)
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith(module):
                raise UsageError(f"nixl is installed and cannot be loaded: {error}") from None
        except ImportError as error:
            raise UsageError(f"nixl is installed and cannot be loaded: {error}") from None
    raise UsageError("nixl is not installed here: pip install --no-deps nixl-cu12")
