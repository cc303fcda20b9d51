"""A request on its way through the twin, and the record that it leaves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from inferbench.loadgen.port import Done
from inferbench.records.request_record import CountSource, PassChunks, RequestRecord, Status
from inferbench.workload.plan import PlannedRequest


class SimulatedSequence:
    """A request between its submission and its record."""

    __slots__ = (
        "done", "first_chunk", "first_ns", "first_pass", "open", "passes", "rank", "request", "sent_ns",
        "slot_free_ns", "worker",
    )  # fmt: skip

    def __init__(
        self,
        request: PlannedRequest,
        slot_free_ns: int,
        sent_ns: int,
        done: Done,
        passes: int,
        first_chunk: int = 1,
    ) -> None:
        self.request = request
        self.slot_free_ns = slot_free_ns
        self.sent_ns = sent_ns
        self.done = done
        self.passes = passes
        """Decode passes that it needs."""
        self.first_chunk = first_chunk
        """Tokens that the server gathers before its first chunk."""
        self.open = True
        """False once its record is out: callbacks still under way then pass it by."""
        self.worker = 0
        """Decode worker, once it has joined a batch."""
        self.rank = 0
        self.first_pass = 0
        self.first_ns: int | None = None
        """When the client gets the first token; None before it joins a batch."""

    @property
    def kv_tokens(self) -> int:
        """KV tokens that it will have filled when it ends."""
        return self.request.isl + self.request.osl

    @property
    def tokens_per_pass(self) -> float:
        """Its own mean yield of a pass."""
        return (self.request.osl - 1) / self.passes

    @property
    def last_pass(self) -> int:
        """Its last pass; before the first where it needs none."""
        return self.first_pass + self.passes - 1

    def tokens_after(self, done: int) -> int:
        """Tokens that the client holds after `done` of its passes, the first token included."""
        return 1 + ((self.request.osl - 1) * done // self.passes if self.passes else 0)

    @property
    def held_passes(self) -> int:
        """Passes until there are tokens enough for the first chunk."""
        wanted, rest = min(self.first_chunk, self.request.osl) - 1, self.request.osl - 1
        return -(-wanted * self.passes // rest) if wanted else 0

    def finish(self, end_ns: int, pass_times_ns: Sequence[int] = ()) -> None:
        """End it as OK; its last token reached the client at `end_ns`. pass_times_ns are those of its worker."""
        self._end(Status.OK, None, self.request.osl, self._chunks(self.passes, pass_times_ns), end_ns)

    def _chunks(self, passes: int, pass_times_ns: Sequence[int]) -> PassChunks:
        """What the client has got after `passes` of its passes."""
        assert self.first_ns is not None
        held = self.held_passes
        first_ns = pass_times_ns[self.first_pass + held - 1] if held else self.first_ns
        return PassChunks(first_ns, self.worker, self.first_pass + held, self.first_pass + passes - 1)

    def fail(self, error: str, now_ns: int) -> None:
        """End it as an error before it got any token."""
        self._end(Status.ERROR, error, 0, None, now_ns)

    def cancel(self, now_ns: int, pass_times_ns: Sequence[int]) -> None:
        """End it as cancelled with the tokens that the client holds; pass_times_ns are those of its worker."""
        if self.first_ns is None or self.first_ns > now_ns:
            self._end(Status.CANCELLED, None, 0, None, now_ns)
            return
        seen = min(max(bisect_right(pass_times_ns, now_ns) - self.first_pass, 0), self.passes)
        if seen < self.held_passes:
            self._end(Status.CANCELLED, None, 0, None, now_ns)
            return
        self._end(Status.CANCELLED, None, self.tokens_after(seen), self._chunks(seen, pass_times_ns), now_ns)

    def _end(self, status: Status, error: str | None, osl: int, chunks: PassChunks | None, end_ns: int) -> None:
        self.open = False
        request = self.request
        self.done(
            RequestRecord(
                seq=request.seq,
                status=status,
                error=error,
                isl=request.isl,
                isl_source=CountSource.SERVER,
                osl=osl,
                osl_source=CountSource.SERVER,
                planned_ns=request.planned_ns,
                slot_free_ns=self.slot_free_ns,
                connect_ns=None,
                sent_ns=self.sent_ns,
                first_byte_ns=None if chunks is None else chunks.first_ns,
                chunks=chunks,
                end_ns=end_ns,
            )
        )
