"""Constants of the twin, each block with its source and how it was got. The values are in parameters.yaml."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value
from inferbench.scenario.deployment import stack_name
from inferbench.simulator.parameters.numbers import NonNegative, Positive, Share
from inferbench.simulator.parameters.sourced import Precision, Sourced
from inferbench.simulator.parameters.stack_options import SwitchParameters
from inferbench.values import Value

PARAMETERS_FILE = Path(__file__).with_name("parameters.yaml")


class ClassScale(Value):
    """One factor per kind of worker: tensor parallel, TP with expert parallel, DP attention with experts."""

    tp: Positive
    tep: Positive
    dep: Positive


class Padding(Value):
    """Rows of a mixture-of-experts input buffer that are worked on even when empty."""

    us_per_row: NonNegative
    """Per mixture-of-experts layer."""
    max_rows: PositiveInt


class DecodeParameters(Sourced):
    """Decode pass of one stack."""

    weight_bandwidth_efficiency: Positive
    """Share of the peak memory bandwidth that reading weights gets."""
    kv_bandwidth_efficiency: Positive
    gemm_efficiency: Positive
    """Share of the peak rate that matrix products get."""
    attention_efficiency: Positive
    tp_layer_us: NonNegative
    """Latency of a layer's communication without DP attention."""
    ep_layer_us: NonNegative
    """Latency of a layer's all-to-all with DP attention."""
    all_reduce_gb_s: Positive
    all_to_all_us_per_token: NonNegative
    """Per token of a rank and layer, dispatch and combine together."""
    host_step_ms: NonNegative
    host_request_us: NonNegative
    """Per running request and pass."""
    draft_ms: NonNegative
    """Overhead of one drafted token per pass."""
    expert_efficiency: dict[Precision, Positive]
    """Share of the peak rate that the grouped products of the experts get."""
    acceptance: dict[Precision, Share]
    """Probability that a drafted token is accepted, given that those before it were."""
    context_ns: NonNegative = 0
    """With DP attention: latency of a layer's attention per token of a request's own context, whatever the batch."""
    tp_context_ns: NonNegative = 0
    """The same without DP attention."""
    tep_layer_us: NonNegative = 0
    """Without DP attention, with experts divided whole: latency that a layer has beside `tp_layer_us`."""
    draft_context: NonNegative = 0
    """Reads of the KV cache that each drafted token costs, over the one that all rows of a request share."""
    padding: dict[Precision, Padding] = Field(default_factory=dict)
    """With DP attention: cost of the expert rows that a launch sets aside, used or not; none where absent."""
    skew: dict[Precision, ClassScale] = Field(default_factory=dict)
    """Median over mean passes of a request, with drafts and long prompts; 1 where absent."""
    class_scale: dict[Precision, ClassScale]


class PrefillParameters(Sourced):
    """Prefill of one stack."""

    efficiency: Positive
    """Share of the peak rate, communication included."""
    request_ms: dict[Precision, ClassScale]
    """Per prompt, by precision and kind of worker."""
    tp_exponent: NonNegative = 0
    """Without DP attention a pass takes (GPUs / 8)^this longer than by its arithmetic: communication grows with TP."""
    handoff_ms: NonNegative = 0
    """From the end of a prompt's pass to the start of its transfer: the handshakes of prefill and decode."""
    handoff_passes: NonNegative = 0
    """The same, in passes of a busy worker, which answers handshakes between passes only."""
    class_scale: dict[Precision, ClassScale]
    all_to_all: Literal["hidden", "included"]
    """Whether the fitted runs hid the all-to-all behind compute (two-batch overlap) or paid for it in `efficiency`."""


class SoftwareVersions(Value):
    """Software of an earlier time: factors on the pass times of today's."""

    name: str
    until: datetime.date | None
    """Its last day; None: medians over runs of several times."""
    decode: Positive
    prefill: Positive
    kinds: ClassScale = ClassScale(tp=1, tep=1, dep=1)
    """Factors on `decode` by kind of worker: an image changes one kind more than another."""


class ClassInterval(Value):
    """How far the twin was off on topologies that it was not fitted to: relative half-widths that cover 90 %."""

    tpot: PositiveFloat
    tokens_s_gpu: PositiveFloat
    at_interactivity: PositiveFloat
    """Of throughput at equal interactivity: both errors together, along a curve on which they trade one for one."""
    points: NonNegativeInt
    """Measured points of the class itself."""
    pooled: bool = False
    """Too few points of its own: the whole stack's errors."""


Kind = Literal["tp", "tep", "dep"]


class FitRecord(Value):
    """Where a stack's constants come from."""

    fitted: datetime.date
    points: PositiveInt
    topologies: PositiveInt
    cost_spread: NonNegativeFloat
    """Worst robust cost over the best among starts, less 1: 0 where all starts agree."""
    ranges: dict[str, tuple[float, float]]
    """90 % interval of each fitted constant, by its path."""
    saturated_prefill: tuple[str, ...]
    """Classes (precision and kind) whose prefill was run to capacity, so that it could be read off."""


class StackParameters(Value):
    """Everything fitted for one GPU and framework."""

    expert_bits: dict[Precision, PositiveFloat]
    """Bits of a routed-expert weight by precision, scales included."""
    fitted_dispatch: str
    fitted_combine: str
    """Formats of the all-to-all in the runs that the fit saw."""
    decode: DecodeParameters
    prefill: PrefillParameters
    eras: dict[Precision, tuple[SoftwareVersions, ...]] = Field(default_factory=dict)
    """Earlier software, oldest first. A deployment of a scenario runs today's, for which every factor is 1."""
    fit: FitRecord | None = None
    intervals: dict[Precision, dict[Kind, ClassInterval]] = Field(default_factory=dict)
    """By precision and kind of the decode worker; a class without measured points has none."""
    earlier_intervals: dict[Precision, dict[Kind, ClassInterval]] = Field(default_factory=dict)
    """The same for earlier software."""


class LinearTime(Value):
    """t0 + slope x tokens."""

    t0_us: NonNegativeFloat
    us_per_token: NonNegativeFloat


class AllToAllParameters(Sourced):
    """Published times of a library's all-to-all by format."""

    dispatch: dict[str, LinearTime]
    combine: dict[str, LinearTime]


class KvTransferParameters(Sourced):
    """One KV transfer backend."""

    nic_efficiency: float = Field(gt=0, le=1)
    handshake_ms: NonNegativeFloat
    software_us_per_layer: NonNegativeFloat


class HostParameters(Sourced):
    """The server's processes that turn tokens into server-sent events."""

    chunk_us: NonNegativeFloat
    """CPU time of one chunk in one stream worker."""
    delay_ms: NonNegativeFloat
    """From the end of a pass to the client."""


class MemoryParameters(Sourced):
    """Device memory."""

    fraction: float = Field(gt=0, le=1)
    """Share of the memory that weights and KV cache may take."""


class TwinParameters(Value):
    """The parameter file."""

    format: Literal[1]
    stacks: dict[str, dict[str, StackParameters]]
    all_to_all: dict[str, AllToAllParameters]
    kv_transfer: dict[str, KvTransferParameters]
    switches: dict[str, SwitchParameters]
    """By GPU: what parts of the stack cost when they are off."""
    host: HostParameters
    memory: MemoryParameters

    def stack(self, gpu: str, framework: str, *, aggregated: bool = False) -> StackParameters:
        """Return the constants of a GPU and framework. Raises UsageError that names the combinations there are.

        Aggregated servers have constants of their own: other software runs them, at other times.
        """
        name = stack_name(framework, aggregated=aggregated)
        found = self.stacks.get(gpu, {}).get(name)
        if found is None:
            known = [f"{g} {f}" for g, frameworks in self.stacks.items() for f in frameworks]
            raise UsageError(f"twin: {unknown('GPU and framework', f'{gpu} {name}', known)}")
        return found


@cache
def load_parameters(path: Path = PARAMETERS_FILE) -> TwinParameters:
    """Read a parameter file. Raises FileError where it cannot be used."""
    return read_value(path, TwinParameters)
