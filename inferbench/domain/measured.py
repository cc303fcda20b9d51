"""A measured point as somebody published it: its figures, the topology and load behind them, and their source."""

from __future__ import annotations

import datetime

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from .value import Value


class Role(Value):
    """All workers of one role."""

    workers: PositiveInt
    gpus: PositiveInt
    """GPUs of all workers of the role together; TP x EP is not a GPU count."""
    tp: PositiveInt
    ep: PositiveInt = 1
    dp_attention: bool = False

    @property
    def label(self) -> str:
        """Such as 2xTP8 or 1xTP8/EP8+DP."""
        return f"{self.workers}xTP{self.tp}{f'/EP{self.ep}' if self.ep > 1 else ''}{'+DP' if self.dp_attention else ''}"


class Latency(Value):
    """What was published of a latency metric, ms; None where it was not."""

    mean: NonNegativeFloat | None = None
    p50: NonNegativeFloat | None = None
    p90: NonNegativeFloat | None = None
    p99: NonNegativeFloat | None = None
    p999: NonNegativeFloat | None = None
    std: NonNegativeFloat | None = None


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
    isl: PositiveInt
    osl: PositiveInt
    """Nominal lengths, tokens; InferenceX draws them from 0.8 to 1.0 of these."""
    concurrency: PositiveInt | None = None
    prefill: Role | None = None
    """None for an aggregated server."""
    decode: Role
    stated_gpus: PositiveInt | None = None
    """GPUs by the publisher's own GPU fields, where these differ from what the topology has."""
    tput_per_gpu: PositiveFloat
    """Prompt and generated tokens over all GPUs, tok/s/GPU."""
    input_tput_per_gpu: PositiveFloat | None = None
    output_tput_per_gpu: PositiveFloat | None = None
    """tok/s/GPU as published: disaggregated, over prefill and decode GPUs alone; aggregated, over all GPUs."""
    interactivity: PositiveFloat | None = None
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
