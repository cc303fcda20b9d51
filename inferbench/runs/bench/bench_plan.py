"""The load of an ad-hoc run: what is asked for, and the plan that it becomes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from inferbench.errors import FieldName, UsageError
from inferbench.loadgen.progress import RunLimits
from inferbench.metrics.goodput import GoodputSlo
from inferbench.scenario.scenario import Lengths
from inferbench.workload.arrivals import RateRamp
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.planner import make_plan
from inferbench.workload.prompt_source import WARM_UP, PromptSource, read_tokenizer
from inferbench.workload.shared_prefixes import SharedPrefix, Turns
from inferbench.workload.traces.replay_plan import take, trace_plan
from inferbench.workload.traces.request_selection import Pick
from inferbench.workload.traces.trace_reader import Trace, count_words, open_trace

SUPPLY = 200_000
"""Requests that a run limited by time may draw from, where their number is not given."""
WAITS = "later turns of a session were sent at their times, or when the answer before had ended where that was later"
"""What must be known of sessions that have times."""
DEFAULT_PROMPTS = 1000
"""Requests of any other run, as `vllm bench serve` has it."""
TIMED = ("mooncake", "bailian", "azure")
"""Traces that are replayed at their own times where nothing else is asked for: what they record is a load over time."""
UNTIMED = ("sharegpt", "custom")
"""Data sets that tell no times."""


@dataclass(frozen=True, slots=True)
class TraceFile:
    """A recorded load to replay."""

    kind: str
    """mooncake, bailian, azure, burstgpt, sharegpt or custom."""
    path: Path
    speed_up: float = 1.0
    strict: bool = False
    """A line that cannot be used is an error, and not only counted."""
    sessions: bool = False
    """Replay whole conversations, turn by turn; otherwise the first turn of each."""
    think_s: float = 0.0
    block_size: int | None = None
    """Tokens that a block id stands for; None: as is usual, or the standard size that fits."""
    time_unit: str | None = None
    """s or ms; None: as is usual."""
    shuffle: bool = True
    """Take a data set's requests in an order drawn by the seed, and not in its own; replays keep theirs."""
    osl: int | None = None
    """Tokens to ask for, instead of what the file says of each answer."""


@dataclass(frozen=True)
class BenchLoad:
    """What an ad-hoc run sends. Raises UsageError for a load that cannot be sent."""

    num_prompts: int | None = None
    """None: 1,000; as many as it takes where `duration_s` is the limit."""
    isl: Lengths = field(default_factory=lambda: Lengths(nominal=1024, min=1024, max=1024))
    """Tokens of a prompt."""
    osl: Lengths = field(default_factory=lambda: Lengths(nominal=128, min=128, max=128))
    """Tokens to ask for in an answer."""
    max_concurrency: int | None = None
    """Most requests in flight, each sent when one before has ended (a closed loop); None: no bound."""
    request_rate: float = math.inf
    """Requests/s; inf: all due at once, or at the times of a trace."""
    self_timed: bool | None = None
    """Whether the times of a trace count; None: those of a Mooncake or Azure trace, where nothing else decides."""
    burstiness: float = 1.0
    """Shape of the gamma distribution of the times between requests; 1: Poisson arrivals, below 1: bursts."""
    constant: bool = False
    """Send at equal distances instead of at random ones."""
    rate_ramp: RateRamp | None = None
    """A request rate that changes over the run, in place of `request_rate`."""
    slot_ramp_s: float = 0.0
    """Time over which the slots of a closed loop open, one by one."""
    duration_s: float | None = None
    """Send no request after so long, s; None: until all have been sent."""
    grace_s: float = 30.0
    """Time that requests in flight have to end after `duration_s`, s."""
    num_warmups: int = 0
    """Requests that are sent before the load, with prompts of their own, and are in no figure."""
    ignore_eos: bool = True
    """Have the server generate exactly the tokens that are asked for."""
    seed: int = 0
    """The same seed draws the same lengths, prompts and times."""
    prompts: PromptSource = field(default_factory=PromptSource)
    """How prompts are made: of words, or of tokens of a tokenizer."""
    shared: SharedPrefix | None = None
    """A beginning that prompts have in common; None: no two begin alike."""
    turns: Turns | None = None
    """Conversations, each turn of which repeats those before; None: single requests."""
    trace: TraceFile | None = None
    """A recorded load to replay in place of drawn lengths."""
    max_error_rate: float = 1.0
    """Share of requests that may fail before the load is stopped; 1: all."""
    slo: GoodputSlo | None = None
    """What a request must meet to count into goodput; None: nothing, and there is no goodput."""
    gpus: int = 1
    """GPUs of the deployment, for figures per GPU."""
    probe_rate: float = 0.0
    """Requests/s for one token that are sent beside the load, to see how long a stranger waits; 0: none."""

    def __post_init__(self) -> None:
        least_one = {"num_prompts": self.num_prompts, "gpus": self.gpus, "max_concurrency": self.max_concurrency}
        for name, value in least_one.items():
            if value is not None and value < 1:
                raise UsageError(FieldName(name), f" {value} must be at least 1")
        not_negative = {"num_warmups": self.num_warmups, "grace_s": self.grace_s}
        for name, amount in not_negative.items():
            if amount < 0:
                raise UsageError(FieldName(name), f" {amount} must be at least 0")
        positive = {"request_rate": self.request_rate, "burstiness": self.burstiness, "duration_s": self.duration_s}
        for name, number in positive.items():
            if number is not None and not number > 0:
                raise UsageError(FieldName(name), f" {number} must be above 0")
        if self.self_timed and (self.trace is None or self.trace.kind in UNTIMED):
            raise UsageError(
                FieldName("self_timed"), " needs a trace that tells times, as ", FieldName("trace.kind"),
                " mooncake has them",
            )  # fmt: skip

    @property
    def requests(self) -> int:
        """Requests to plan."""
        return self.num_prompts or (DEFAULT_PROMPTS if self.duration_s is None else SUPPLY)

    @property
    def concurrency(self) -> int:
        """The closed-loop limit; all requests at once where none is set."""
        return min(self.max_concurrency or self.requests, self.requests)

    @property
    def limits(self) -> RunLimits:
        """When to stop early."""
        return RunLimits(max_error_rate=self.max_error_rate, duration_s=self.duration_s, grace_s=self.grace_s)

    @property
    def _arrival(self) -> Arrival:
        at_once = math.isinf(self.request_rate) and self.rate_ramp is None
        if self.self_timed is None:
            timed = self.trace is not None and self.trace.kind in TIMED and at_once and self.max_concurrency is None
        else:
            timed = self.self_timed
        if timed or at_once:
            return Arrival.TRACE if timed else Arrival.CLOSED
        return Arrival.CONSTANT if self.constant else Arrival.GAMMA

    def plan(self, salt: str) -> tuple[Plan, tuple[str, ...]]:
        """Plan the load; with a trace also say how it was read, and what of it could not be used.

        `salt` tells its prompts from those of other plans with the same seed.
        Raises FileError for a trace, tokenizer or data set that cannot be read.
        """
        if self.trace is None:
            return self._drawn(self.requests, salt), ()
        closed, rate = self._arrival is Arrival.CLOSED, self.request_rate
        trace = self._open(self.trace)
        taken = take(
            trace.requests,
            speed_up=self.trace.speed_up,
            max_requests=self.num_prompts,
            max_s=self.duration_s if self._arrival is Arrival.TRACE else None,
        )
        settled = trace.settled(taken)
        plan = trace_plan(
            settled.requests,
            seed=self.seed,
            salt=salt,
            arrival=self._arrival,
            max_concurrency=self.max_concurrency or (self.requests if closed else None),
            speed_up=self.trace.speed_up,
            rate=1.0 if math.isinf(rate) else rate,
            burstiness=self.burstiness,
            rate_ramp=self.rate_ramp,
            slot_ramp_s=self.slot_ramp_s,
            think_s=self.trace.think_s,
            prompts=self.prompts.maker(salt).name,
            ignore_eos=self.ignore_eos,
            block=settled.block,
        )
        waits = (WAITS,) if plan.session is not None and self._arrival is Arrival.TRACE else ()
        return plan, (*settled.remarks, *waits, *self._short(trace, len(plan)))

    def _open(self, file: TraceFile) -> Trace:
        tokenizer = self.prompts.tokenizer
        return open_trace(
            file.kind,
            file.path,
            strict=file.strict,
            count=count_words if tokenizer is None else read_tokenizer(tokenizer).count,
            one_turn=not file.sessions,
            pick=self._pick,
            block=file.block_size,
            unit=file.time_unit,
        )

    def _short(self, trace: Trace, planned: int) -> tuple[str, ...]:
        """What of a trace is not sent, though it was asked for."""
        notes = []
        if self.num_prompts is not None and planned < self.num_prompts:
            within = (
                "" if self.duration_s is None or self._arrival is not Arrival.TRACE else f" in {self.duration_s:g} s"
            )
            notes.append(f"the trace holds {planned:,} requests{within}, which were sent, and not {self.num_prompts:,}")
        if trace.bad.count:
            notes.append(
                f"{trace.bad.count} lines of the trace could not be used, the first: {'; '.join(trace.bad.examples)}"
            )
        return tuple(notes)

    @property
    def _pick(self) -> Pick | None:
        """Which requests of a data set are taken; None for those of a replay, which keep their order."""
        if (
            self.trace is None
            or self._arrival is Arrival.TRACE
            or (self.trace.sessions and self.trace.kind == "sharegpt")
        ):
            return None
        return Pick(self.requests, self.seed, self.trace.shuffle, self.trace.osl)

    def warmup(self) -> Plan | None:
        """Plan the warm-up: prompts of its own, in a closed loop."""
        if not self.num_warmups:
            return None
        limit = min(self.max_concurrency or self.num_warmups, self.num_warmups)
        return make_plan(
            self.num_warmups, isl=self.isl, osl=self.osl, seed=self.seed, salt=WARM_UP, max_concurrency=limit,
            ignore_eos=self.ignore_eos, prompts=self.prompts.maker(WARM_UP).name,
        )  # fmt: skip

    def _drawn(self, n: int, salt: str) -> Plan:
        closed, rate = self._arrival is Arrival.CLOSED, self.request_rate
        return make_plan(
            n,
            isl=self.isl,
            osl=self.osl,
            seed=self.seed,
            salt=salt,
            max_concurrency=self.concurrency if closed else self.max_concurrency,
            arrival=self._arrival,
            rate=1.0 if math.isinf(rate) else rate,
            burstiness=self.burstiness,
            rate_ramp=self.rate_ramp,
            slot_ramp_s=self.slot_ramp_s,
            ignore_eos=self.ignore_eos,
            prompts=self.prompts.maker(salt).name,
            shared=self.shared,
            turns=self.turns,
        )
