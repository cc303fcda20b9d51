"""How long one worker takes for a prefill pass over whole prompts."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.catalog.model import ModelSpec
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import PrefillParameters
from inferbench.simulator.timing.all_to_all import published_seconds
from inferbench.simulator.timing.kernels import expert_parameters, larger, prefill_expert_flops, prefill_own_flops
from inferbench.simulator.timing.worker_hardware import SCALE_UP_GPUS, Hardware


def two_batch_seconds(
    compute: Real, half_all_to_all: Real, second_weight_read: Real, compute_unit_share: float = 0.0
) -> Real:
    """Time of a pass run as two half batches.

    compute: time of the whole batch without communication; half_all_to_all: communication of one half, all layers;
    second_weight_read: the expert weights are read once for each half; compute_unit_share: what the communication
    takes from the computation beside it, 0 where copy engines move the bytes. Form of InferSim (Alibaba, Apache-2.0).
    A half's computation of c beside a communication of m takes c + share x m: it runs at 1 - share meanwhile.
    """
    half = compute / 2 + compute_unit_share * half_all_to_all
    return 2 * larger(half, half_all_to_all) + second_weight_read


def pass_seconds(
    compute: Real,
    all_to_all: Real,
    half_all_to_all: Real,
    second_weight_read: Real,
    enabled: bool,
    compute_unit_share: float = 0.0,
) -> Real:
    """Time of a pass: serial, or overlapped where that is enabled and faster. A short batch is better off serial."""
    serial = compute + all_to_all
    if not enabled:
        return serial
    overlapped = two_batch_seconds(compute, half_all_to_all, second_weight_read, compute_unit_share)
    return -larger(-serial, -overlapped)


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
