"""How long one worker takes: a prefill pass, and a decode pass.

Composes kernels, communication, overlap, speculation and host into two frozen values. The equations are those of a
grey-box fit to public InferenceX points; `parameters.yaml` holds its constants.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.deployment import WorkerGroup
from ..domain.model import ModelSpec
from ..domain.units import NS_PER_MS, NS_PER_S, NS_PER_US
from .all_to_all import Formats, format_change_seconds, published_seconds, wire_seconds
from .host import streaming_floor_seconds
from .kernels import (
    Rates,
    dense_gemm_seconds,
    dense_parameters,
    expert_gemm_seconds,
    expert_parameters,
    mla_decode_seconds,
    prefill_flops,
)
from .overlap import pass_seconds
from .parameters import AllToAllParameters, ClassScale, DecodeParameters, PrefillParameters
from .speculation import tokens_per_pass

US, MS = NS_PER_US / NS_PER_S, NS_PER_MS / NS_PER_S
RING_PASSES = 2
"""An all-reduce moves each byte twice: reduce-scatter, then all-gather."""
BF16_BYTES = 2
SCALE_UP_GPUS = 8
"""The all-to-all slopes were fitted inside one scale-up domain of 8; beyond it they are taken as doubled."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a worker's GPUs reach, and in what formats they work."""

    rates: Rates
    peak_expert_flops_s: float
    scale_up_gb_s: float
    dense_bytes: float
    """Bytes per parameter outside the routed experts."""
    expert_bytes: float
    kv_bytes: float
    """Bytes per KV-cache element."""
    formats: Formats
    fitted_formats: Formats
    all_to_all: AllToAllParameters | None
    """The library's published times; None where there are none."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The host side of a topology."""

    chunk_seconds: float
    workers: int
    interval: int


@dataclass(frozen=True, slots=True)
class Coefficients:
    """A decode pass at a fixed batch: max(fixed + per_context_token x context of the whole worker, floor), s."""

    fixed: float
    per_context_token: float
    floor: float


def class_factor(scale: ClassScale, group: WorkerGroup) -> float:
    """The factor of a worker's kind."""
    if group.dp_attention:
        return scale.dep
    return scale.tep if group.ep > 1 else scale.tp


@dataclass(frozen=True, slots=True)
class DecodeStep:
    """Duration of a decode pass of one worker."""

    model: ModelSpec
    hardware: Hardware
    group: WorkerGroup
    parameters: DecodeParameters
    mtp: int
    streaming: Streaming

    def seconds(self, fullest: int, batch: int, context_tokens: float) -> float:
        """Time of a pass over `batch` requests with `context_tokens` of KV cache in all.

        fullest: requests on the fullest rank, which the other ranks wait for; the batch itself without DP attention.
        """
        at = self.coefficients(fullest, batch)
        return max(at.fixed + at.per_context_token * context_tokens, at.floor)

    def coefficients(self, fullest: int, batch: int) -> Coefficients:
        """Return the pass time as a line in the context: everything else depends on the batch alone."""
        p, model, drafts = self.parameters, self.model, self.mtp
        scale = class_factor(p.class_scale, self.group)
        draft_passes = (model.layers + drafts) / model.layers
        fixed = draft_passes * (
            model.layers * (self._dense_seconds(fullest) + self._communication_seconds(fullest))
            + model.moe_layers * self._expert_seconds(batch)
        )
        fixed += (1 + drafts) * self._head_seconds(fullest)
        fixed += drafts * p.draft_ms * MS + p.host_step_ms * MS + p.host_request_us * US * batch
        rank_share = fullest / batch if self.group.dp_attention else 1.0
        return Coefficients(
            fixed=scale * fixed,
            per_context_token=scale * draft_passes * model.layers * self._attention_seconds() * rank_share,
            floor=streaming_floor_seconds(
                batch,
                tokens_per_pass(p.acceptance, drafts),
                self.streaming.chunk_seconds,
                self.streaming.workers,
                self.streaming.interval,
            ),
        )

    @property
    def _share(self) -> int:
        return 1 if self.group.dp_attention else self.group.tp

    @property
    def _rows(self) -> int:
        """Query rows per request: the next token and the drafts to be verified."""
        return 1 + self.mtp

    def _attention_seconds(self) -> float:
        """One layer, per token of context on the rank."""
        heads = self.model.heads / self._share
        return mla_decode_seconds(self.model, self.hardware.rates, 1.0, self._rows, heads, self.hardware.kv_bytes)

    def _dense_seconds(self, fullest: int) -> float:
        parameters = dense_parameters(self.model, self._share)
        return dense_gemm_seconds(self.hardware.rates, parameters, self._rows * fullest, self.hardware.dense_bytes)

    def _expert_seconds(self, batch: int) -> float:
        hw = self.hardware
        return expert_gemm_seconds(self.model, hw.rates, hw.expert_bytes, self._rows * batch, self.group.gpus)

    def _head_seconds(self, fullest: int) -> float:
        parameters = self.model.vocab * self.model.hidden / self._share
        return dense_gemm_seconds(self.hardware.rates, parameters, fullest, self.hardware.dense_bytes)

    def _communication_seconds(self, fullest: int) -> float:
        """One layer: an all-reduce without DP attention, else a dispatch and a combine."""
        p, tokens = self.parameters, self._rows * fullest
        if not self.group.dp_attention:
            return p.tp_layer_us * US + RING_PASSES * tokens * self.model.hidden * BF16_BYTES / (
                p.all_reduce_gb_s * 1e9
            )
        hw, model, gpus = self.hardware, self.model, self.group.gpus
        slope = p.all_to_all_us_per_token * (2 if gpus > SCALE_UP_GPUS else 1)
        fitted = (p.ep_layer_us + slope * tokens) * US
        changed = fitted + format_change_seconds(hw.all_to_all, hw.formats, hw.fitted_formats, tokens)
        least = wire_seconds(hw.formats, model.hidden, tokens, gpus, model.active_experts, hw.scale_up_gb_s)
        return max(changed, least)


@dataclass(frozen=True, slots=True)
class PrefillPass:
    """Duration of a prefill pass of one worker over whole prompts."""

    model: ModelSpec
    hardware: Hardware
    group: WorkerGroup
    parameters: PrefillParameters
    two_batch_overlap: bool

    def seconds(self, tokens: int, squared_tokens: int, prompts: int) -> float:
        """Time of a pass: `tokens` and `squared_tokens` are summed over its prompts."""
        p, gpus = self.parameters, self.group.gpus
        rate = gpus * self.hardware.peak_expert_flops_s * p.efficiency
        compute = prefill_flops(self.model, tokens, squared_tokens) / rate * class_factor(p.class_scale, self.group)
        return self._with_all_to_all(compute, tokens / gpus) + prompts * p.request_ms * MS

    def _with_all_to_all(self, compute: float, tokens_per_gpu: float) -> float:
        """Add the all-to-all where the fitted efficiency does not hold it, overlapped where that wins."""
        hw = self.hardware
        if self.parameters.all_to_all == "included" or not self.group.dp_attention or hw.all_to_all is None:
            return compute
        layers, library = self.model.moe_layers, hw.all_to_all
        weights = self.model.routed_experts * expert_parameters(self.model) * hw.expert_bytes
        return pass_seconds(
            compute,
            all_to_all=layers * published_seconds(library, hw.formats, tokens_per_gpu),
            half_all_to_all=layers * published_seconds(library, hw.formats, tokens_per_gpu / 2),
            second_weight_read=layers * weights / (self.group.gpus * hw.rates.weight_bytes_s),
            enabled=self.two_batch_overlap,
        )
