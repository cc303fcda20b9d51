"""No point may be faster than its hardware allows. The bounds are loose on purpose: what breaks one is broken.

Only work that cannot be avoided is counted, at the vendor's peak: every step of decode reads the weights that one
token needs and, for each request, its KV cache (with speculation up to draft depth + 1 tokens share both); every
prompt token costs two operations per active parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inferbench.audits.cases import Case, checks, on
from inferbench.audits.report import Check
from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.evidence.measured_point import MeasuredPoint

DEEPEST_DRAFT = 3
"""Draft tokens per step in any recipe that InferenceX publishes for this model; recipes are not columns of a row."""
BYTES = {"fp4": 0.5, "fp8": 1.0, "bf16": 2.0}
KV_BYTES = 1.0
"""FP8, the smallest KV cache that the published recipes use."""
SHORTEST = 0.8
"""Least share of the nominal lengths that InferenceX draws."""
SOURCE = "weight and KV bytes over peak memory bandwidth, 2 x active parameters over peak FLOP/s (vendor data sheets)"


@dataclass(frozen=True)
class Facts:
    """What is known of GPUs and models, by their names."""

    gpus: Mapping[str, Gpu]
    models: Mapping[str, ModelSpec]

    def model(self, name: str) -> ModelSpec | None:
        """The model of that name, one that the name is a variant of, or one of its dimensions."""
        low = name.lower()
        last = low.rstrip("/").rpartition("/")[2]
        return next(
            (
                spec
                for key, spec in self.models.items()
                if key in low or spec.hugging_face_id.lower() in low or last in spec.same_shape
            ),
            None,
        )


def known(points: Sequence[MeasuredPoint], facts: Facts) -> Iterator[tuple[MeasuredPoint, Gpu, ModelSpec]]:
    """The points whose GPU, model and precision there are facts of, with these."""
    for point in points:
        gpu, model = facts.gpus.get(point.gpu), facts.model(point.model)
        if gpu is not None and model is not None and point.precision in BYTES:
            yield point, gpu, model


@checks(Check.ROOFLINE, SOURCE)
def roofline(points: Sequence[MeasuredPoint], facts: Facts) -> Iterator[Case]:
    """Flag every figure above its bound."""
    for point, gpu, model in known(points, facts):
        figures = bounds(point, gpu, model)
        yield on(
            point, *(f"{what} {v:,.4g} above {most:,.4g}" for what, v, most in figures if v is not None and v > most)
        )


def bounds(point: MeasuredPoint, gpu: Gpu, model: ModelSpec) -> list[tuple[str, float | None, float]]:
    """Return each figure with its bound: what, the value (None where unknown), the bound."""
    per_step = 1 + (DEEPEST_DRAFT if point.speculation != "none" else 0)
    bandwidth = gpu.hbm_tb_s * 1e12
    worker = point.decode.gpus / point.decode.workers
    weights = model.active_params_b * 1e9 * BYTES[point.precision]
    kv = model.layers * model.kv_elements_per_token_layer * KV_BYTES * SHORTEST * point.isl
    peak = {"fp4": gpu.fp4_tflops, "fp8": gpu.fp8_tflops, "bf16": gpu.bf16_tflops}[point.precision] or gpu.fp8_tflops
    share = point.isl / (point.isl + point.osl)
    total = point.tput_per_gpu * point.gpus
    prefill = point.prefill.gpus if point.prefill else point.decode.gpus
    return [
        ("interactivity, tok/s/user,", point.interactivity, per_step * bandwidth * worker / (weights + kv)),
        ("output, tok/s per decode GPU,", total * (1 - share) / point.decode.gpus, per_step * bandwidth / kv),
        ("input, tok/s per prefill GPU,", total * share / prefill, peak * 1e12 / (2 * model.active_params_b * 1e9)),
    ]
