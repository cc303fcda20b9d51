"""The twin as a target: a router before prefill workers, KV links, admission and decode workers, on any clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from typing_extensions import override

from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.loadgen.port import Clock, Done, PassSink
from inferbench.simulator.engine.decode_worker import Admission, DecodeWorker, StepTime
from inferbench.simulator.engine.mixed_worker import AggregatedWorker
from inferbench.simulator.engine.prefill_worker import KvLinks, PrefillTime, PrefillWorker, TransferTime
from inferbench.simulator.engine.sequence import SimulatedSequence
from inferbench.simulator.engine.streaming import ChunkStream, OnChunk
from inferbench.simulator.parameters.numbers import Real, one
from inferbench.simulator.timing.speculative_decoding import LONG_PROMPT, skewed
from inferbench.workload.plan import PlannedRequest


class Passes(Protocol):
    """Draws the passes that an output needs."""

    def passes(self, tokens: int, seed: int) -> int:
        """Passes that make `tokens` tokens."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything that a deployment's behaviour follows from: how many workers, how fast, how much they hold."""

    prefill_workers: int
    prefill: PrefillTime
    max_batch_tokens: int
    links_per_worker: int
    transfer: TransferTime
    decode_workers: int
    decode: StepTime
    ranks: int
    """Attention ranks of a decode worker that hold requests of their own; 1 without DP attention."""
    max_running: int
    kv_tokens: int
    """KV tokens that one decode worker has room for."""
    passes: Passes
    delay_ns: int
    """From the end of a pass to the client."""
    stream_interval: int
    balance_passes: int = 0
    """Passes that prompts wait for one on every rank, where serving is aggregated."""
    first_chunk: int = 1
    """Tokens that a request's first chunk is held for."""
    aggregated: bool = False
    """The decode workers prefill, too: `prefill` is theirs, and there are neither prefill workers nor transfers."""
    prefill_ranks: int = 1
    """Ranks of a prefill worker that each hold prompts of their own; 1 without DP attention."""
    handoff_seconds: Real = 0.0
    """From the end of a prompt's pass to the start of its transfer."""
    handoff_passes: Real = 0.0
    """The same, in passes of a busy prefill worker."""
    skew: Real = 1.0
    """Median over mean passes of a request with a long prompt."""
    tokens_per_pass: Real = 1.0
    """Mean of what `passes` draws; the steady state needs it, events do not."""


def decode_worker(
    cluster: Cluster, index: int, clock: Clock, ended: Callable[[SimulatedSequence, int], None],
    on_chunk: OnChunk | None, pass_sink: PassSink | None = None,
) -> DecodeWorker:  # fmt: skip
    """Return one decode worker, idle; `ended` is called with each request and the time of its last token."""
    return DecodeWorker(index, clock, cluster.decode, **_of_decode(cluster, index, ended, on_chunk, pass_sink))


def aggregated_worker(
    cluster: Cluster, index: int, clock: Clock, ended: Callable[[SimulatedSequence, int], None],
    on_chunk: OnChunk | None, pass_sink: PassSink | None = None,
) -> AggregatedWorker:  # fmt: skip
    """Return one worker that prefills and decodes, idle."""
    rest = _of_decode(cluster, index, ended, on_chunk, pass_sink)
    return AggregatedWorker(
        index,
        clock,
        cluster.decode,
        prefill=cluster.prefill,
        chunk_tokens=cluster.max_batch_tokens,
        balance_passes=cluster.balance_passes,
        **rest,
    )


def _of_decode(
    cluster: Cluster,
    index: int,
    ended: Callable[[SimulatedSequence, int], None],
    on_chunk: OnChunk | None,
    pass_sink: PassSink | None,
) -> dict[str, Any]:
    return {
        "ranks": cluster.ranks,
        "max_running": cluster.max_running,
        "kv_tokens": cluster.kv_tokens,
        "delay_ns": cluster.delay_ns,
        "ended": ended,
        "passed": None if pass_sink is None else pass_sink.decode_worker(index),
        "stream": None if on_chunk is None else ChunkStream(on_chunk, cluster.stream_interval, cluster.first_chunk),
    }


def prefill_worker(cluster: Cluster, clock: Clock, links: KvLinks) -> PrefillWorker:
    """Return one prefill worker, idle, that sends the caches of its prompts over `links`."""
    return PrefillWorker(
        clock,
        cluster.prefill,
        cluster.max_batch_tokens,
        links,
        cluster.prefill_ranks,
        one(cluster.handoff_seconds),
        one(cluster.handoff_passes),
    )


def passes_of(cluster: Cluster, request: PlannedRequest) -> int:
    """Draw the decode passes that a request needs, from its own seed."""
    passes = cluster.passes.passes(request.osl - 1, request.seed)
    skew = one(cluster.skew)
    if skew != 1.0 and request.isl >= LONG_PROMPT:
        return skewed(passes, skew, request.seed)
    return passes


class TwinTarget(InProcessTarget):
    """A simulated deployment. Everything happens in callbacks of the clock; nothing is random but the plan's seeds.

    The router gives requests to the prefill workers in turn (round robin), in the order of submission. Records keep
    chunk times by reference to the pass times that `pass_sink` gets.
    """

    def __init__(
        self, cluster: Cluster, clock: Clock, on_chunk: OnChunk | None = None, pass_sink: PassSink | None = None
    ) -> None:
        self._clock, self._cluster = clock, cluster
        self._sequences: dict[SimulatedSequence, None] = {}
        self._submitted = 0
        self._decode: Sequence[DecodeWorker]
        self._prefill: Sequence[PrefillWorker | AggregatedWorker]
        if cluster.aggregated:
            both = [
                aggregated_worker(cluster, i, clock, self._ended, on_chunk, pass_sink)
                for i in range(cluster.decode_workers)
            ]
            self._decode = self._prefill = both
            self._admission = Admission(both)
            return
        self._decode = [
            decode_worker(cluster, i, clock, self._ended, on_chunk, pass_sink) for i in range(cluster.decode_workers)
        ]
        self._admission = Admission(self._decode)
        self._prefill = [
            prefill_worker(
                cluster, clock, KvLinks(clock, cluster.links_per_worker, cluster.transfer, self._admission.arrived)
            )
            for _ in range(cluster.prefill_workers)
        ]

    @override
    def submit(self, request: PlannedRequest, slot_free_ns: int, done: Done) -> None:
        """Queue the prompt. One that no decode worker could ever hold ends as an error."""
        now = self._clock.now_ns()
        sequence = SimulatedSequence(
            request, slot_free_ns, now, done, passes_of(self._cluster, request), self._cluster.first_chunk
        )
        self._sequences[sequence] = None
        if self._decode[0].could_ever_hold(sequence):
            self._prefill[self._submitted % len(self._prefill)].enqueue(sequence)
            self._submitted += 1
        else:
            self._clock.call_at(now, partial(self._refuse, sequence))

    @override
    def cancel(self) -> None:
        now = self._clock.now_ns()
        sequences, self._sequences = list(self._sequences), {}
        self._admission.reset()
        for prefill in self._prefill:
            prefill.reset()
        for decode in self._decode:
            decode.reset()
        for sequence in sequences:
            sequence.cancel(now, self._decode[sequence.worker].pass_times_ns)

    def _ended(self, sequence: SimulatedSequence, end_ns: int) -> None:
        del self._sequences[sequence]
        sequence.finish(end_ns, self._decode[sequence.worker].pass_times_ns)

    def _refuse(self, sequence: SimulatedSequence) -> None:
        if sequence.open:
            del self._sequences[sequence]
            sequence.fail(f"{sequence.kv_tokens} tokens exceed the KV cache of a decode worker", self._clock.now_ns())
