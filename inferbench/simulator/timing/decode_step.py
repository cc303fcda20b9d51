"""How long one worker takes for a decode pass.

Composes kernels, communication, speculation and host into a frozen value. The equations are those of a grey-box fit to
public InferenceX points; `parameters.yaml` holds its constants.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.catalog.model import ModelSpec
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import DecodeParameters, Padding
from inferbench.simulator.parameters.stack_options import Switched
from inferbench.simulator.timing.all_to_all import format_change_seconds, wire_seconds
from inferbench.simulator.timing.kernels import (
    dense_gemm_seconds,
    dense_parameters,
    expert_gemm_seconds,
    larger,
    mla_decode_seconds,
)
from inferbench.simulator.timing.speculative_decoding import tokens_per_pass
from inferbench.simulator.timing.worker_hardware import SCALE_UP_GPUS, Hardware, Streaming
from inferbench.units import NS_PER_MS, NS_PER_S, NS_PER_US


def streaming_floor_seconds(
    batch: Real, tokens_per_pass: Real, chunk_seconds: float, workers: int, stream_interval: int
) -> Real:
    """Least time of a decode pass: a pass cannot be shorter than writing the chunks that it causes.

    A request causes one chunk per `stream_interval` tokens, and at most one per pass. `workers` processes share them.
    """
    chunks = batch * -larger(-1.0, -tokens_per_pass / stream_interval)
    return chunks * chunk_seconds / workers


US, MS = NS_PER_US / NS_PER_S, NS_PER_MS / NS_PER_S
RING_PASSES = 2
"""An all-reduce moves each byte twice: reduce-scatter, then all-gather."""
BF16_BYTES = 2
EVERYTHING_ON = Switched()


@dataclass(frozen=True, slots=True)
class Coefficients:
    """A decode pass at a fixed batch: max(fixed + slope x context of the whole worker, floor), s."""

    fixed: Real
    per_context_token: Real
    floor: Real
    latency_per_context_token: Real = 0.0
    """That of walking through one request's own context, whatever the batch; also per token of the whole worker."""

    def seconds(self, context_tokens: Real) -> Real:
        """Duration of the pass with `context_tokens` of KV cache in all."""
        return larger(self.fixed + self.slope * context_tokens, self.floor)

    @property
    def slope(self) -> Real:
        """Seconds per token of context."""
        return self.per_context_token + self.latency_per_context_token


@dataclass(frozen=True, slots=True)
class DecodeStep:
    """Duration of a decode pass of one worker."""

    model: ModelSpec
    hardware: Hardware
    group: WorkerGroup
    parameters: DecodeParameters
    scale: Real
    """Factor of its class: hardware, framework, precision and parallelism."""
    mtp: int
    streaming: Streaming
    acceptance: Real
    """Probability that a drafted token is accepted, given that those before it were."""
    padding: Padding | None = None
    off: Switched = EVERYTHING_ON

    def seconds(self, fullest: int, batch: int, context_tokens: float) -> float:
        """Time of a pass over `batch` requests with `context_tokens` of KV cache in all.

        fullest: requests on the fullest rank, which the other ranks wait for; the batch itself without DP attention.
        """
        return float(self.coefficients(fullest, batch).seconds(context_tokens))

    def coefficients(self, fullest: Real, batch: Real) -> Coefficients:
        """Return the pass time as a line in the context: everything else depends on the batch alone."""
        p, model, drafts = self.parameters, self.model, self.mtp
        scale = self.scale
        draft_passes = (model.layers + drafts) / model.layers
        fixed = model.layers * self._layer_seconds(fullest, self._rows) + model.moe_layers * self._expert_seconds(batch)
        fixed += self._drafting_seconds(fullest, batch)
        fixed += (1 + drafts) * self._head_seconds(fullest)
        fixed += drafts * p.draft_ms * MS + p.host_step_ms * MS + p.host_request_us * US * batch
        per_context_token = self._attention_seconds() * (fullest / batch if self.group.dp_attention else 1.0)
        latency = (p.context_ns if self.group.dp_attention else p.tp_context_ns) / NS_PER_S / batch
        if self.group.dp_attention:
            fixed += model.moe_layers * self._padding_seconds()
        return Coefficients(
            fixed=scale * fixed + self.off.pass_seconds,
            per_context_token=scale * draft_passes * model.layers * per_context_token,
            floor=streaming_floor_seconds(
                batch,
                self.tokens_per_pass,
                self.streaming.chunk_seconds,
                self.streaming.workers,
                self.streaming.interval,
            ),
            latency_per_context_token=scale * draft_passes * model.layers * latency,
        )

    @property
    def tokens_per_pass(self) -> Real:
        """Expected tokens that a request gets from a pass."""
        return tokens_per_pass(self.acceptance, self.mtp)

    @property
    def _share(self) -> int:
        return 1 if self.group.dp_attention else self.group.tp

    @property
    def _rows(self) -> int:
        """Query rows per request: the next token and the drafts to be verified."""
        return 1 + self.mtp

    def _attention_seconds(self) -> Real:
        """One layer, per token of context on the rank. Drafts that are verified share its read, but for a part."""
        heads = self.model.heads / self._share
        kv_bytes = self.hardware.kv_bytes * (1 + self.parameters.draft_context * self.mtp)
        return mla_decode_seconds(self.model, self.hardware.rates, 1.0, self._rows, heads, kv_bytes)

    def _layer_seconds(self, fullest: Real, rows: int) -> Real:
        """One layer without its routed experts, `rows` per request."""
        parameters = dense_parameters(self.model, self._share)
        dense = dense_gemm_seconds(self.hardware.rates, parameters, rows * fullest, self.hardware.dense_bytes)
        return dense + self._communication_seconds(rows * fullest)

    def _expert_seconds(self, batch: Real) -> Real:
        hw, rows = self.hardware, self._rows * batch
        return self.off.expert_factor * expert_gemm_seconds(
            self.model, hw.rates, hw.expert_bytes, rows, self.group.gpus, self.group.ep
        )

    def _drafting_seconds(self, fullest: Real, batch: Real) -> Real:
        """The layer that drafts: once over all rows that are verified, then over one row per request for each draft."""
        if not self.mtp:
            return 0.0
        return self._draft_layer_seconds(fullest, batch, self._rows) + (self.mtp - 1) * self._draft_layer_seconds(
            fullest, batch, 1
        )

    def _draft_layer_seconds(self, fullest: Real, batch: Real, rows: int) -> Real:
        hw = self.hardware
        experts = expert_gemm_seconds(
            self.model, hw.draft_rates, hw.draft_expert_bytes, rows * batch, self.group.gpus, self.group.ep
        )
        return self._layer_seconds(fullest, rows) + experts

    def _padding_seconds(self) -> Real:
        """One mixture-of-experts layer: rows that the launch sets aside for its largest batch, used or not."""
        if self.padding is None or self.group.max_running is None:
            return 0.0
        return min(self.group.max_running * self._rows, self.padding.max_rows) * self.padding.us_per_row * US

    def _head_seconds(self, fullest: Real) -> Real:
        parameters = self.model.vocab * self.model.hidden / self._share
        return dense_gemm_seconds(self.hardware.rates, parameters, fullest, self.hardware.dense_bytes)

    def _communication_seconds(self, tokens: Real) -> Real:
        """One layer: an all-reduce without DP attention, with whole experts what it takes more; else an all-to-all.

        tokens: of the fullest rank.
        """
        p = self.parameters
        if not self.group.dp_attention:
            latency = p.tp_layer_us + (p.tep_layer_us if self.group.ep > 1 else 0.0)
            return latency * US + RING_PASSES * tokens * self.model.hidden * BF16_BYTES / (p.all_reduce_gb_s * 1e9)
        hw, model, gpus = self.hardware, self.model, self.group.gpus
        slope = p.all_to_all_us_per_token * (2 if gpus > SCALE_UP_GPUS else 1)  # fitted inside one domain
        fitted = (p.ep_layer_us + slope * tokens) * US
        changed = fitted + format_change_seconds(hw.all_to_all, hw.formats, hw.fitted_formats, tokens)
        least = wire_seconds(hw.formats, model.hidden, tokens, gpus, model.active_experts, hw.scale_up_gb_s)
        return larger(changed, least)
