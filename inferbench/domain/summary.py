"""What a sweep point came to: each figure with its unit in its name and the basis that it stands on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import NonNegativeInt, PositiveInt

from .value import Value


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
    """A latency metric over requests (or tokens), ms. Percentiles are linear between order statistics."""

    n: NonNegativeInt
    mean: float
    std: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float


class Throughput(Value):
    """Tokens and requests per second of a basis."""

    seconds: float
    request_tput: float
    """Requests that succeeded, per second."""
    input_tput: float
    output_tput: float
    total_tput: float
    """tok/s of the whole deployment, prompt and generated tokens."""
    tput_per_gpu: float
    """total_tput over all GPUs, prefill and decode together, tok/s/GPU."""
    in_flight_mean: float
    """Requests in flight, time-weighted."""


class BasisSummary(Value):
    """All figures of one basis; latencies are those of requests that succeeded, None where there are none."""

    basis: Basis
    begin_ns: int
    end_ns: int
    throughput: Throughput
    ttft_ms: Distribution | None
    ttft_queued_ms: Distribution | None
    """TTFT from when the slot was free (closed loop) or from plan (open loop), whichever is earlier."""
    tpot_ms: Distribution | None
    itl_ms: Distribution | None
    e2el_ms: Distribution | None
    interactivity_p50: float | None
    """1000 / median TPOT, tok/s/user."""


class Counts(Value):
    """Requests by how they ended. They add up to `planned`."""

    planned: NonNegativeInt
    ok: NonNegativeInt
    error: NonNegativeInt = 0
    timeout: NonNegativeInt = 0
    cancelled: NonNegativeInt = 0
    refused: NonNegativeInt = 0
    unsent: NonNegativeInt = 0
    """Never started, because the run was stopped."""


class ClientHealth(Value):
    """How the client itself did. On the virtual clock it has nothing to be late for."""

    loop_lag_p99_ms: float
    loop_lag_max_ms: float
    send_lag_p99_ms: float
    """From when a request could go to when its last byte went to the kernel."""
    streams_open_max: NonNegativeInt
    cpu_share: float
    """CPU time of the client over wall time."""
    valid: bool
    reasons: tuple[str, ...] = ()
    """Why the run is INVALID; empty where it is valid."""


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

    def on(self, basis: Basis) -> BasisSummary | None:
        """The figures of one basis."""
        return self.whole_run if basis is Basis.WHOLE_RUN else self.window
