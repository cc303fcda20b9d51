"""What a KV transfer backend can do, and which there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inferbench.errors import EndpointError, UsageError
from inferbench.files.spelling import unknown
from inferbench.microbench.kv_result import Direction

Bytes = NDArray[np.uint8]


class ProbeError(EndpointError):
    """A transfer failed, or moved other bytes than it should have."""


class Message(NamedTuple):
    """A piece of memory that is moved between the two ends, by its place in each end's buffer."""

    local: int
    remote: int
    size: int


class KvBackend(ABC):
    """One end of a backend, with one buffer that the other end may read and write."""

    transport: str
    version: str
    buffer: Bytes

    @abstractmethod
    def address(self) -> bytes:
        """What the other end needs to reach this one's buffer."""

    @abstractmethod
    def connect(self, address: bytes) -> None:
        """Get to know the other end."""

    @abstractmethod
    def transfer(self, direction: Direction, messages: Sequence[Message]) -> None:
        """Move messages, and return when all are there. May be called from several threads. Raises ProbeError."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the buffer."""


MakeBackend = Callable[[str, Bytes, str | None], KvBackend]
"""From the address of this host, the buffer, and the transport, None for the backend's usual one."""

_MODULES = {"mooncake": "mooncake", "nixl": "nixl", "mori-io": "mori_io"}
BACKENDS = tuple(_MODULES)


def backend(name: str, host: str, buffer: Bytes, transport: str | None = None) -> KvBackend:
    """Open an end of a backend. Raises UsageError where it does not exist or is not installed, with what is missing."""
    if name not in _MODULES:
        raise UsageError(unknown("KV transfer backend", name, BACKENDS))
    make: MakeBackend = import_module(f".{_MODULES[name]}", __package__).make
    return make(host, buffer, transport)


def package_version(*names: str) -> str:
    """The version of the first of these packages that is installed; empty where none is."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""
