"""What a server says that it is, in the fields of SGLang's `/server_info` and `/model_info`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from inferbench.distribution import own_version

MODEL_FOLDER = str(Path(__file__).parents[2] / "catalog")
"""A router looks up a tokenizer under the model path it is told: on the network, unless that is a local folder."""


class ServerRole(StrEnum):
    """Which part of a deployment stands behind the endpoint."""

    BOTH = "both"
    PREFILL = "prefill"
    DECODE = "decode"


@dataclass(frozen=True)
class Served:
    """One server."""

    model: str
    role: ServerRole = ServerRole.BOTH
    kv_tokens: int | None = None
    """KV tokens that there is room for; None where it is not known."""
    drafts: int = 0
    """Tokens drafted for each pass."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """More fields of `/server_info`: SGLang's server arguments, as far as the deployment has them."""

    @property
    def disaggregation_mode(self) -> str:
        """SGLang's name of the role."""
        return "null" if self.role is ServerRole.BOTH else self.role.value

    def labels(self) -> dict[str, str]:
        """Labels of every metric."""
        engine = "unified" if self.role is ServerRole.BOTH else self.role.value
        return {"model_name": self.model, "engine_type": engine, "tp_rank": "0", "pp_rank": "0"}

    def model_info(self) -> dict[str, Any]:
        """What `/model_info` answers."""
        return {
            "model_path": MODEL_FOLDER,
            "served_model_name": self.model,
            "tokenizer_path": MODEL_FOLDER,
            "is_generation": True,
            "preferred_sampling_params": None,
            "weight_version": "default",
            "disaggregation_mode": self.disaggregation_mode,
        }

    def server_info(self) -> dict[str, Any]:
        """What `/server_info` answers, but for what changes."""
        return {
            **self.model_info(),
            **self.arguments,
            "max_total_num_tokens": self.kv_tokens,
            "version": own_version(),
        }
