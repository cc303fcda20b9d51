"""What a probe of a part of the stack found, as a file that the twin can be calibrated with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from inferbench.files.number_limits import UnixTime
from inferbench.values import Value

KvBackendName = Literal["mooncake", "nixl", "mori-io"]
Direction = Literal["read", "write"]


class KvPoint(Value):
    """KV transfer of one shape: so many messages of one size in a transfer, so many transfers at once."""

    direction: Direction
    message_bytes: PositiveInt
    batch: PositiveInt
    """Messages in one transfer."""
    concurrency: PositiveInt
    """Transfers under way at once."""
    transfers: PositiveInt
    """How many were measured."""
    latency_p50_us: PositiveFloat
    """From when a transfer is asked for to when its last message is there, us."""
    latency_p99_us: PositiveFloat
    gb_per_s: PositiveFloat
    """Bytes of all transfers over the time that all of them took, 1e9 bytes a second."""


class KvProbe(Value):
    """KV transfer between two processes, measured with a backend's own engine."""

    format: Literal[1] = 1
    kind: Literal["kv"] = "kv"
    backend: KvBackendName
    version: str
    transport: str
    """What carried the bytes, as the backend calls it: tcp, rdma, UCX."""
    host: str
    peer: str
    loopback: bool
    """Both ends were on this machine, so that no NIC was measured."""
    measured_unix: UnixTime
    first_transfer_ms: NonNegativeFloat
    """The first transfer between the two, which also opens their connection."""
    checked_bytes: PositiveInt
    """Bytes that were compared at their destination; every one was right, or there would be no file."""
    points: tuple[KvPoint, ...] = Field(min_length=1)
