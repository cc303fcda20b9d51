"""How long one worker takes for a prefill pass over whole prompts."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.catalog.model import ModelSpec
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import PrefillParameters
from inferbench.simulator.timing.all_to_all import published_seconds
from inferbench.simulator.timing.kernels import expert_parameters, prefill_expert_flops, prefill_own_flops
from inferbench.simulator.timing.two_batch_overlap import pass_seconds
from inferbench.simulator.timing.worker_hardware import SCALE_UP_GPUS, Hardware


@dataclass(frozen=True, slots=True)
class PrefillPass:
    """Duration of a prefill pass of one worker over whole prompts."""

    model: ModelSpec
    hardware: Hardware
    group: WorkerGroup
    parameters: PrefillParameters
    scale: Real
    """Factor of its class."""
    request_seconds: Real
    """Per prompt, beside its arithmetic."""
    two_batch_overlap: bool
    overlap_share: float = 0.0
    """Compute units that the overlapped all-to-all takes."""

    def seconds(
        self,
        tokens: Real,
        squared_tokens: Real,
        prompts: Real,
        rank_tokens: Real | None = None,
        rank_squared_tokens: Real | None = None,
    ) -> Real:
        """Time of a pass: `tokens` and `squared_tokens` are summed over its prompts.

        rank_tokens, rank_squared_tokens: those of the fullest rank, which the others wait for; None: all alike.
        """
        p, gpus = self.parameters, self.group.gpus
        rate = self.hardware.peak_expert_flops_s * p.efficiency
        if rank_tokens is None or rank_squared_tokens is None or not self.group.dp_attention:
            own = prefill_own_flops(self.model, tokens, squared_tokens) / gpus
        else:
            own = prefill_own_flops(self.model, rank_tokens, rank_squared_tokens)
        spread = 1.0 if self.group.dp_attention else (gpus / SCALE_UP_GPUS) ** p.tp_exponent
        compute = (own + prefill_expert_flops(self.model, tokens) / gpus) / rate * self.scale * spread
        return self._with_all_to_all(compute, tokens / gpus) + prompts * self.request_seconds

    def _with_all_to_all(self, compute: Real, tokens_per_gpu: Real) -> Real:
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
            compute_unit_share=self.overlap_share,
        )
