"""Language models by their dimensions."""

from __future__ import annotations

import datetime

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from inferbench.values import Value


class ModelSpec(Value):
    """A mixture-of-experts model with multi-head latent attention (MLA)."""

    name: str
    hugging_face_id: str
    same_shape: tuple[str, ...] = ()
    """Other weights of these very dimensions: how their names end, in lower case."""
    context_tokens: PositiveInt
    layers: PositiveInt
    dense_layers: NonNegativeInt
    """The first layers, whose feed-forward is dense; the others are mixture-of-experts layers."""
    hidden: PositiveInt
    vocab: PositiveInt
    heads: PositiveInt
    q_lora_rank: PositiveInt
    kv_lora_rank: PositiveInt
    qk_nope_dim: PositiveInt
    qk_rope_dim: PositiveInt
    v_dim: PositiveInt
    dense_intermediate: PositiveInt
    moe_intermediate: PositiveInt
    routed_experts: PositiveInt
    active_experts: PositiveInt
    shared_experts: NonNegativeInt
    mtp_layers: NonNegativeInt
    """Multi-token-prediction layers that can draft tokens."""
    total_params_b: PositiveFloat
    """All parameters, in 10^9."""
    active_params_b: PositiveFloat
    source: str
    as_of: datetime.date

    @property
    def moe_layers(self) -> int:
        """Layers whose feed-forward is a mixture of experts."""
        return self.layers - self.dense_layers

    @property
    def kv_elements_per_token_layer(self) -> int:
        """KV-cache elements that one token takes in one layer under MLA: latent plus rotary part."""
        return self.kv_lora_rank + self.qk_rope_dim


class ModelFacts(Value):
    """The model fact file."""

    models: dict[str, ModelSpec]
