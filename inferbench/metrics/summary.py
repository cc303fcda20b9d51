"""What a sweep point came to: each figure with its unit in its name and the basis that it stands on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from inferbench.metrics.request_counts import Counts, FailedRequests, ProbeRequests, TokenCounts
from inferbench.values import Value


class Basis(StrEnum):
    """The span of time that a figure is taken over. The two are about 10 % apart and never mixed."""

    WHOLE_RUN = "whole_run"
    """First start to last token, ramp and drain included, as InferenceX and vLLM do."""
    WINDOW = "window"
    """Steady state: every slot busy, from the end of the first wave to the start of the drain."""


class Origin(StrEnum):
    """Where a figure comes from."""

    MEASURED = "measured"
    SIMULATED = "simulated"
    IMPORTED = "imported"


class Distribution(Value):
    """A latency metric over requests (or tokens), ms. Percentiles are linear between order statistics.

    Of imported figures only the median is sure to be known; what was not published is None.
    """

    n: NonNegativeInt
    mean: float | None
    std: float | None
    p50: float
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None


class Throughput(Value):
    """Tokens and requests per second of a basis."""

    seconds: float | None
    """None where an imported point does not say."""
    request_tput: float
    """Requests that succeeded, per second."""
    input_tput: float
    output_tput: float
    total_tput: float
    """tok/s of the whole deployment, prompt and generated tokens."""
    tput_per_gpu: float
    """total_tput over all GPUs, prefill and decode together, tok/s/GPU."""
    in_flight_mean: float | None
    """Requests in flight, time-weighted; None where an imported point does not say."""
    goodput: float | None = None
    """Requests that kept every clause of the goodput SLO, per second; None where none was given."""
    goodput_fraction: float | None = None
    """Those requests over all that ended, failed and cancelled ones included."""


class BasisSummary(Value):
    """All figures of one basis; latencies are those of requests that succeeded, None where there are none."""

    basis: Basis
    begin_ns: int | None
    end_ns: int | None
    """On the run's own clock; None where an imported point does not say."""
    throughput: Throughput
    ttft_ms: Distribution | None
    ttft_queued_ms: Distribution | None
    """TTFT from when the slot was free (closed loop) or from plan (open loop), whichever is earlier."""
    tpot_ms: Distribution | None
    itl_ms: Distribution | None
    e2el_ms: Distribution | None
    interactivity_p50: float | None
    """1000 / median TPOT, tok/s/user."""
    ttfat_ms: Distribution | None = None
    """Time to the first token of the answer itself, where reasoning came apart from it; None where none did."""
    cache_hit_rate: float | None = None
    """Prompt tokens from the server's prefix cache over all prompt tokens, where it tells."""
    accepted_length: float | None = None
    """Tokens per step of the model, the drafted ones that were accepted included, where the server tells."""
    chunk_tokens: dict[str, float] | None = None
    """How it is known how many tokens each chunk held (`usage`, `one`, `spread`), as shares of requests."""


class ClientHealth(Value):
    """How the client itself did. On the virtual clock it has nothing to be late for.

    Of another client's imported run no more is known than whether it was valid, and why not.
    """

    loop_lag_p99_ms: float | None = None
    loop_lag_max_ms: float | None = None
    send_lag_p99_ms: float | None = None
    """From when a request could go to when its last byte went to the kernel."""
    streams_open_max: NonNegativeInt | None = None
    cpu_share: float | None = None
    """CPU time of the client over wall time, all workers together."""
    valid: bool
    reasons: tuple[str, ...] = ()
    """Why the run is INVALID; empty where it is valid."""
    remedies: tuple[str, ...] = ()
    """What helps against the reasons, by their causes."""
    warnings: tuple[str, ...] = ()
    """What on this machine may have disturbed client or server, though the client was in time."""
    stamp_late_p99_ms: float | None = None
    """By at most how much first and last stamps are later than what they stamp; None where nobody noted it."""
    cpu_shares: tuple[float, ...] = ()
    """`cpu_share` of each worker."""
    backlog_max: NonNegativeInt = 0
    """Most connections of a worker that had been read and waited to be looked at."""
    clock_residual_ms: float = 0.0
    """By at most how much the clocks of workers on several machines are off against each other."""
    ceiling_events_per_s: float | None = None
    """Token events per second that one worker can take on this machine, by `inferbench selfcheck`."""
    cores: PositiveInt | None = None
    """Cores that the client could use; None where nobody noted it."""
    busy_cores: NonNegativeFloat | None = None
    """CPU time that everything on those cores took over wall time, the client and whatever else ran there."""


class EnergySummary(Value):
    """What the GPUs took over the whole run, prefill and decode together; None where it is not known."""

    origin: Origin
    source: str
    """How it was got: the meter and its rate, or the model of the twin."""
    joules_total: NonNegativeFloat | None
    """Energy of all GPUs from the first start to the last token, J. Hosts, network and cooling are not in it."""
    joules_per_output_token: NonNegativeFloat | None
    """joules_total over generated tokens, those of prefill GPUs included."""
    joules_per_total_token: NonNegativeFloat | None = None
    """joules_total over prompt and generated tokens."""
    mean_power_w_per_gpu: NonNegativeFloat | None
    """joules_total over seconds and GPUs, W."""
    valid: bool
    reasons: tuple[str, ...] = ()
    """Why the figures must not be used; empty where they are valid."""


class SweepPoint(Value):
    """What was run: one topology of one deployment at one load."""

    deployment: str
    topology: str
    concurrency: PositiveInt
    prefill_gpus: NonNegativeInt
    decode_gpus: PositiveInt

    @property
    def gpus(self) -> int:
        """All GPUs."""
        return self.prefill_gpus + self.decode_gpus

    @property
    def key(self) -> str:
        """A name that is unique in a run and safe as a directory name."""
        return f"{self.deployment}.{self.topology}.c{self.concurrency}"


class PointSummary(Value):
    """One sweep point, summarised over the whole run and over the steady-state window side by side."""

    point: SweepPoint
    origin: Origin
    partial: bool
    """Stopped before all planned requests had ended."""
    counts: Counts
    isl_mean: float
    osl_mean: float
    prompt_hash: str
    whole_run: BasisSummary | None
    """None where no request succeeded."""
    window: BasisSummary | None
    """None where no steady state was found: `window_reason` says why."""
    window_reason: str | None = None
    client: ClientHealth | None = None
    """None on the virtual clock."""
    energy: EnergySummary | None = None
    """None where nobody measured or modelled it."""
    tokens: TokenCounts | None = None
    """None where no request succeeded, and where nothing was counted: in a simulation, in an import."""
    failures: tuple[FailedRequests, ...] = ()
    """Requests that failed, by kind, most first."""
    probe: ProbeRequests | None = None
    """None where no probe requests were sent."""

    def on(self, basis: Basis) -> BasisSummary | None:
        """The figures of one basis."""
        return self.whole_run if basis is Basis.WHOLE_RUN else self.window
