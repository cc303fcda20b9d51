"""One request while it is under way: what goes out, what has come back, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..domain.plan import PlannedRequest
from ..loadgen.port import Done
from .framing import Response


@dataclass(slots=True, eq=False)
class Exchange:
    """A request and its response so far. Times are those of the run's clock, ns."""

    request: PlannedRequest
    slot_free_ns: int
    done: Done
    wire: bytes
    """The whole request as it goes out, head and body."""
    submitted_ns: int
    connect_ns: int | None = None
    sent_ns: int | None = None
    last_read_ns: int | None = None
    reads: list[tuple[int, bytes]] = field(default_factory=list)
    """Stamped reads that have not been looked at yet."""
    response: Response = field(default_factory=Response)
    may_reconnect: bool = False
    """It went out on a connection that had been idle, which the server may have closed in the meantime."""

    @property
    def answered(self) -> bool:
        """Whether any byte has come back."""
        return self.last_read_ns is not None

    def digest(self) -> None:
        """Take the reads apart into head and body. Raises NotHttpError."""
        reads, self.reads = self.reads, []
        for t_ns, data in reads:
            self.last_read_ns = t_ns
            self.response.feed(t_ns, data)
