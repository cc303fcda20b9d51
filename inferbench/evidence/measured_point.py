"""A measured point as somebody published it: its figures, the topology and load behind them, and their source."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from inferbench.files.number_limits import Amount, Count, Tokens
from inferbench.values import Value

Ms = Annotated[float, Field(ge=0, le=1e12)]
"""A time, ms."""


class RoleWorkers(Value):
    """All workers of one role."""

    workers: Count
    gpus: Count
    """GPUs of all workers of the role together; TP x EP is not a GPU count."""
    tp: Count
    ep: Count = 1
    dp_attention: bool = False

    @property
    def label(self) -> str:
        """Such as 2xTP8 or 1xTP8/EP8+DP."""
        return f"{self.workers}xTP{self.tp}{f'/EP{self.ep}' if self.ep > 1 else ''}{'+DP' if self.dp_attention else ''}"


class Latency(Value):
    """What was published of a latency metric, ms; None where it was not."""

    mean: Ms | None = None
    p50: Ms | None = None
    p90: Ms | None = None
    p95: Ms | None = None
    p99: Ms | None = None
    p999: Ms | None = None
    std: Ms | None = None
    n: NonNegativeInt | None = None
    """Over how many requests, or gaps between chunks."""


class MeasuredRequests(Value):
    """Requests of a point by how they ended, where that was published."""

    planned: PositiveInt
    ok: NonNegativeInt
    error: NonNegativeInt = 0


class MeasuredPoint(Value):
    """One published point, over its whole run. What the publisher did not say is None, never guessed."""

    date: datetime.date | None = None
    """Day of the run; None where the figures mix several."""
    gpu: str
    framework: str
    model: str
    precision: str
    speculation: str = "none"
    """Kind of speculative decoding, such as mtp."""
    isl: Tokens
    osl: Tokens
    """Nominal lengths, tokens; InferenceX draws them from 0.8 to 1.0 of these."""
    isl_mean: Amount | None = None
    osl_mean: Amount | None = None
    """Mean lengths of the requests that succeeded; None where only nominal ones were published."""
    concurrency: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None
    """Most requests in flight; of an open loop, how many were in the mean."""
    open_loop: bool = False
    """Whether requests came at times of their own, whatever the server did."""
    request_rate: Amount | None = None
    """Requests/s offered by an open loop; None also where they came at the times of a trace or along a ramp."""
    burstiness: Amount | None = None
    """Shape of the gamma-distributed gaps between them; 1 is Poisson."""
    requests: MeasuredRequests | None = None
    seconds: Amount | None = None
    """How long the run took."""
    in_flight_mean: NonNegativeFloat | None = None
    """Requests in flight in the mean over the run, of those that succeeded."""
    prefill: RoleWorkers | None = None
    """None for an aggregated server."""
    decode: RoleWorkers
    stated_gpus: Count | None = None
    """GPUs by the publisher's own GPU fields, where these differ from what the topology has."""
    tput_per_gpu: Amount
    """Prompt and generated tokens over all GPUs, tok/s/GPU."""
    input_tput_per_gpu: Amount | None = None
    output_tput_per_gpu: Amount | None = None
    """tok/s/GPU as published: disaggregated, over prefill and decode GPUs alone; aggregated, over all GPUs."""
    interactivity: Amount | None = None
    """1000 / median TPOT, tok/s/user, TPOT by the publisher's formula, (E2EL - TTFT)/(OSL - 1)."""
    ttft_ms: Latency | None = None
    tpot_ms: Latency | None = None
    itl_ms: Latency | None = None
    e2el_ms: Latency | None = None
    image: str | None = None
    run: str | None = None
    """Address of the run."""
    marks: tuple[str, ...] = ()
    """What the publisher, or whoever collected the rows, says against or about the point."""
    invalid: tuple[str, ...] = ()
    """Why the client that measured it could not be believed; empty where it could, or nobody said."""

    @property
    def gpus(self) -> int:
        """All GPUs, from the topology."""
        return self.decode.gpus + (self.prefill.gpus if self.prefill else 0)

    @property
    def topology(self) -> str:
        """Prefill and decode workers, such as 1xTP8 + 2xTP8."""
        return f"{self.prefill.label} + {self.decode.label}" if self.prefill else self.decode.label

    @property
    def stack(self) -> str:
        """GPU, framework and precision, with speculation where there is some."""
        parts = (self.gpu, self.framework, self.precision, None if self.speculation == "none" else self.speculation)
        return " ".join(part for part in parts if part)

    @property
    def shape(self) -> str:
        """Nominal lengths, such as 8192/1024."""
        return f"{self.isl}/{self.osl}"

    @property
    def label(self) -> str:
        """Everything that tells the point from its neighbours."""
        load = "?" if self.concurrency is None else str(self.concurrency)
        return f"{self.stack} {self.shape} {self.topology} c{load} {self.date or 'undated'}"
