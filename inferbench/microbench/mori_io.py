"""MoRI-IO's engine over RDMA (ROCm/mori, `mori.io`).

Written against the API of amd-mori 1.2.4 (IOEngine, register_memory, create_session, batch_read, batch_write) and not
run: it needs ROCm's libraries and an RDMA NIC, and that version's only TCP is its control plane.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import orjson
from typing_extensions import override

from inferbench.errors import UsageError
from inferbench.microbench.backends import Bytes, KvBackend, Message, ProbeError, package_version
from inferbench.microbench.kv_result import Direction

PACKAGES = ("amd-mori", "mori")
CPU = -1
"""The device number of host memory."""


class MoriIo(KvBackend):
    """One end, with a buffer in host memory."""

    transport = "RDMA"

    def __init__(self, io: Any, host: str, buffer: Bytes) -> None:
        self.version = package_version(*PACKAGES)
        self._io, self.buffer = io, buffer
        self._engine = io.IOEngine(f"inferbench-{uuid.uuid4().hex[:12]}", io.IOEngineConfig(host=host, port=0))
        self._engine.create_backend(io.BackendType.RDMA)
        self._memory = self._engine.register_memory(buffer.ctypes.data, len(buffer), CPU, io.MemoryLocationType.CPU)
        self._session: Any = None

    @override
    def address(self) -> bytes:
        described = (self._engine.get_engine_desc().pack(), self._memory.pack())
        return orjson.dumps([part.hex() for part in described])

    @override
    def connect(self, address: bytes) -> None:
        engine, memory = (bytes.fromhex(part) for part in orjson.loads(address))
        self._engine.register_remote_engine(self._io.EngineDesc.unpack(engine))
        self._session = self._engine.create_session(self._memory, self._io.MemoryDesc.unpack(memory))

    @override
    def transfer(self, direction: Direction, messages: Sequence[Message]) -> None:
        session = self._session
        move = session.batch_read if direction == "read" else session.batch_write
        local, remote, sizes = ([message[part] for message in messages] for part in range(3))
        status = move(local, remote, sizes, session.allocate_transfer_uid())
        status.Wait()
        if not status.Succeeded():
            raise ProbeError(f"mori-io: a {direction} of {len(messages)} messages failed: {status.Message()}")

    @override
    def close(self) -> None:
        self._engine.deregister_memory(self._memory)


def make(host: str, buffer: Bytes, transport: str | None) -> KvBackend:
    """Open an end. Raises UsageError where the package, or ROCm, is missing, with the library that is."""
    if transport not in (None, MoriIo.transport):
        raise UsageError(f"mori-io has the transport {MoriIo.transport}, not {transport!r}")
    try:
        from mori import io
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("mori"):
            raise UsageError(
                "mori-io is not installed here: it comes with ROCm images of SGLang and vLLM, or as amd-mori for "
                "Python 3.10 on ROCm"
            ) from None
        raise UsageError(f"mori-io is installed and needs {error.name}") from None
    except ImportError as error:
        raise UsageError(f"mori-io is installed and cannot be loaded: {error} (it needs ROCm)") from None
    return MoriIo(io, host, buffer)
