"""Mooncake's TransferEngine, peer to peer (kvcache-ai/Mooncake, docs of the Python API)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import orjson
from typing_extensions import override

from inferbench.distribution import install
from inferbench.errors import UsageError
from inferbench.microbench.backends import Bytes, KvBackend, Message, ProbeError, package_version
from inferbench.microbench.kv_result import Direction

PACKAGES = ("mooncake-transfer-engine", "mooncake-transfer-engine-non-cuda")
TRANSPORT = "tcp"


class Mooncake(KvBackend):
    """One end. The engine listens on all interfaces, whatever address it is given."""

    def __init__(self, engine: Any, host: str, buffer: Bytes, transport: str) -> None:
        self.version = package_version(*PACKAGES)
        self.transport = transport
        self._engine, self.buffer = engine, buffer
        if engine.initialize(host, "P2PHANDSHAKE", self.transport, "") != 0:
            raise ProbeError(f"mooncake cannot start its {self.transport} transport on {host}")
        self._base = buffer.ctypes.data
        if engine.register_memory(self._base, len(buffer)) != 0:
            raise ProbeError(f"mooncake cannot register {len(buffer):,} bytes")
        self._here = f"{host}:{engine.get_rpc_port()}"
        self._there, self._remote_base = "", 0

    @override
    def address(self) -> bytes:
        return orjson.dumps([self._here, self._base])

    @override
    def connect(self, address: bytes) -> None:
        self._there, self._remote_base = orjson.loads(address)

    @override
    def transfer(self, direction: Direction, messages: Sequence[Message]) -> None:
        engine = self._engine
        move = engine.batch_transfer_sync_read if direction == "read" else engine.batch_transfer_sync_write
        local = [self._base + message.local for message in messages]
        remote = [self._remote_base + message.remote for message in messages]
        if move(self._there, local, remote, [message.size for message in messages]) != 0:
            raise ProbeError(f"mooncake: a {direction} of {len(messages)} messages with {self._there} failed")

    @override
    def close(self) -> None:
        self._engine.unregister_memory(self._base)


def make(host: str, buffer: Bytes, transport: str | None) -> KvBackend:
    """Open an end; transports are tcp (the default), rdma and what else the build has.

    Raises UsageError where the package, or a system library that it needs, is missing.
    """
    os.environ.setdefault("MC_LOG_LEVEL", "ERROR")  # it tells of every step
    try:
        from mooncake.engine import TransferEngine
    except ModuleNotFoundError:
        raise UsageError(f"mooncake is not installed here: {install('mooncake')}") from None
    except ImportError as error:
        raise UsageError(f"mooncake is installed and cannot be loaded: {error} (Debian: libibverbs1)") from None
    return Mooncake(TransferEngine(), host, buffer, transport or TRANSPORT)
