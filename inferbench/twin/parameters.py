"""Constants of the twin, each block with its source and how it was got. The values are in parameters.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from ..domain.errors import UsageError
from ..domain.files import read_value
from ..domain.names import unknown
from ..domain.value import Value

PARAMETERS_FILE = Path(__file__).with_name("parameters.yaml")


class Sourced(Value):
    """A block of constants that says where it comes from."""

    source: str
    how: Literal["fitted", "measured", "derived", "assumed"]


class ClassScale(Value):
    """One factor per kind of worker: tensor parallel, TP with expert parallel, DP attention with experts."""

    tp: PositiveFloat
    tep: PositiveFloat
    dep: PositiveFloat


class DecodeParameters(Sourced):
    """Decode pass of one stack."""

    weight_bandwidth_efficiency: PositiveFloat
    """Share of the peak memory bandwidth that reading weights gets."""
    kv_bandwidth_efficiency: PositiveFloat
    gemm_efficiency: PositiveFloat
    """Share of the peak rate that matrix products get."""
    attention_efficiency: PositiveFloat
    tp_layer_us: NonNegativeFloat
    """Latency of a layer's communication without DP attention."""
    ep_layer_us: NonNegativeFloat
    """Latency of a layer's all-to-all with DP attention."""
    all_reduce_gb_s: PositiveFloat
    all_to_all_us_per_token: NonNegativeFloat
    """Per token of a rank and layer, dispatch and combine together."""
    host_step_ms: NonNegativeFloat
    host_request_us: NonNegativeFloat
    """Per running request and pass."""
    draft_ms: NonNegativeFloat
    """Overhead of one drafted token per pass."""
    acceptance: float = Field(ge=0, lt=1)
    """Probability that a drafted token is accepted, given that those before it were."""
    class_scale: ClassScale


class PrefillParameters(Sourced):
    """Prefill of one stack."""

    efficiency: PositiveFloat
    """Share of the peak rate, communication included."""
    request_ms: NonNegativeFloat
    class_scale: ClassScale
    all_to_all: Literal["hidden", "included"]
    """Whether the fitted runs hid the all-to-all behind compute (two-batch overlap) or paid for it in `efficiency`."""


class StackParameters(Value):
    """Everything fitted for one GPU and framework."""

    expert_bits: dict[Literal["fp4", "fp8", "bf16"], PositiveFloat]
    """Bits of a routed-expert weight by precision, scales included."""
    fitted_dispatch: str
    fitted_combine: str
    """Formats of the all-to-all in the runs that the fit saw."""
    decode: DecodeParameters
    prefill: PrefillParameters


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
    host: HostParameters
    memory: MemoryParameters

    def stack(self, gpu: str, framework: str) -> StackParameters:
        """Return the constants of a GPU and framework. Raises UsageError that names the combinations there are."""
        found = self.stacks.get(gpu, {}).get(framework)
        if found is None:
            known = [f"{g} {f}" for g, frameworks in self.stacks.items() for f in frameworks]
            raise UsageError(f"twin: {unknown('GPU and framework', f'{gpu} {framework}', known)}")
        return found


@cache
def load_parameters(path: Path = PARAMETERS_FILE) -> TwinParameters:
    """Read a parameter file. Raises FileError where it cannot be used."""
    return read_value(path, TwinParameters)
