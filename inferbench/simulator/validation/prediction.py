"""Predictions of measured points, and how far off they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.evidence.points_csv import FIGURES, Point
from inferbench.simulator.calibration.configuration import Configuration, batches, evaluate, tokens_per_gpu
from inferbench.simulator.parameters.numbers import many
from inferbench.simulator.parameters.parameters import TwinParameters

METRICS = tuple(FIGURES)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the twin says of one point."""

    point: Point
    tpot_s: float
    tokens_s_gpu: float
    ttft_s: float
    prefill_load: float
    current: bool = True
    """Whether it ran the software that the twin takes for today's."""
    share: float = 1.0
    """1 over how many times the point was held out: each shuffle of the parts predicts it once."""
    half_width: Mapping[str, float] = field(default_factory=dict)
    """Relative half-width of its 90 % interval, by metric, as a log distance."""

    def log_error(self, metric: str) -> float | None:
        """Log of predicted over measured; None where the metric was not measured."""
        value = self.point.figure(metric)
        return None if value is None else float(np.log(getattr(self, FIGURES[metric]) / value))

    @property
    def frontier_error(self) -> float | None:
        """Log error of throughput at equal interactivity, on a curve where the two trade one for one."""
        rate, tpot = self.log_error("tokens_s_gpu"), self.log_error("tpot")
        return None if rate is None or tpot is None else rate - tpot


def predict(
    model: ModelSpec, gpus: Mapping[str, Gpu], configurations: Sequence[Configuration], parameters: TwinParameters
) -> list[Prediction]:
    """Return a prediction of every configuration, in their order."""
    found: list[Prediction | None] = [None] * len(configurations)
    for batch in batches(configurations):
        state = evaluate(model, gpus[batch.deployment.gpu], batch, parameters)
        rates = tokens_per_gpu(batch, state)
        tpot, ttft, prefill_load = many(state.tpot_s), many(state.ttft_s), many(state.prefill_load)
        for i, place in enumerate(batch.places):
            found[place] = Prediction(
                configurations[place].point,
                float(tpot[i]),
                float(rates[i]),
                float(ttft[i]),
                float(prefill_load[i]),
                batch.software is None,
            )
    return [prediction for prediction in found if prediction is not None]
