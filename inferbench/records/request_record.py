"""What happened to one request: facts, in integer nanoseconds on the run's own monotonic clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """How a request ended. Every request ends in exactly one of these."""

    OK = 0
    ERROR = 1
    """The server answered with an error, or its answer broke off or could not be read."""
    TIMEOUT = 2
    CANCELLED = 3
    """The client gave it up: the run was stopped, or it was in flight when the client died."""
    REFUSED = 4
    """No connection could be had."""


class CountSource(IntEnum):
    """Where a token count came from. The codes stand in files; the order says nothing."""

    SERVER = 0
    """The server's `usage`."""
    CHUNKS = 1
    """Token-bearing chunks, where the server sends no usage: a lower bound, since a chunk may hold several."""
    PLAN = 2
    """What was asked for."""
    TEXT = 3
    """The text that was generated, by the tokenizer that the user gave, where the server sends no usage."""


class ChunkTokens(IntEnum):
    """How it is known how many tokens each chunk held, best first."""

    USAGE = 0
    """The server's running `usage` in every chunk."""
    ONE = 1
    """As many chunks as tokens."""
    SPREAD = 2
    """The final count, spread over the chunks by the length of their text."""


@dataclass(frozen=True, slots=True)
class StampedChunks:
    """Token-bearing chunks with their own arrival times."""

    times_ns: Sequence[int]
    tokens: Sequence[int]


@dataclass(frozen=True, slots=True)
class PassChunks:
    """Chunks by reference: the first at its own time, then one at the end of each decode pass.

    The pass times lie in one array per decode worker that all requests of a run share, so that 19 million
    stamps need not be written out. The first chunk holds one token; the other osl - 1 are spread evenly over
    the passes first..last. A request of one token has last < first.
    """

    first_ns: int
    worker: int
    first_pass: int
    last_pass: int


Chunks = StampedChunks | PassChunks


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request, as it happened. `None` stands for what did not happen; all else is derived from here."""

    seq: int
    status: Status
    error: str | None
    isl: int
    isl_source: CountSource
    osl: int
    """Generated tokens, those that no chunk held included."""
    osl_source: CountSource
    planned_ns: int | None
    """When it was due (open loop)."""
    slot_free_ns: int
    """When the concurrency limit let it go."""
    connect_ns: int | None
    """How long a connection made for this request took to open; None where one was open already."""
    sent_ns: int | None
    """When its last byte went to the kernel."""
    first_byte_ns: int | None
    chunks: Chunks | None
    end_ns: int
    chunk_tokens: ChunkTokens = ChunkTokens.ONE
    answer_ns: int | None = None
    """First chunk of the answer itself, where reasoning came apart from it and before it."""
    first_late_ns: int | None = None
    """By at most how much the first chunk's stamp is later than its arrival; None on the virtual clock."""
    last_late_ns: int | None = None
    """The same of the last chunk's stamp."""
    cached_tokens: int | None = None
    """Prompt tokens that the server took from its prefix cache, where it tells."""
    accepted_tokens: int | None = None
    """Drafted tokens that were accepted, where the server tells."""
    attempts: int = 1
    """Times that it was sent; above 1 where retries were asked for, or its connection closed as it was sent."""
    earlier_error: str | None = None
    """Why the attempt before the last one failed."""
    worker: int = 0
    """Load-generating process that sent it."""
    remark: str | None = None
    """What the server said of its tokens that cannot be so, and was not believed."""
