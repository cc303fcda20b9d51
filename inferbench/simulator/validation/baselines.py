"""What data alone predicts, and what a roofline does: the least that the twin has to beat.

Every baseline learns from one file and is scored on another; a topology that is scored is never learnt from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.distribution import install
from inferbench.errors import FieldName, UsageError
from inferbench.evidence.points_csv import Point, Points
from inferbench.simulator.calibration.configuration import predictable
from inferbench.simulator.parameters.parameters import ClassScale, StackParameters, TwinParameters
from inferbench.simulator.validation.prediction import Prediction, predict
from inferbench.simulator.validation.score import Score, score
from inferbench.values import Value

METRICS = ("tpot", "tokens_s_gpu")
Logs = Mapping[str, np.ndarray[Any, Any]]
"""Logs of figures, by metric."""
SUBSAMPLE = 0.7
"""Share of the points that each tree sees: stochastic boosting (Friedman, 2002)."""


class BaselineScores(Value):
    """Scores of one way to predict."""

    name: str
    trained: int
    """Points that it learnt from; 0 for a roofline."""
    failures: int
    """Points that it has nothing to say of."""
    scores: dict[str, Score]


def baselines(
    model: ModelSpec, gpus: Mapping[str, Gpu], points: Points, train: Points, parameters: TwinParameters
) -> tuple[BaselineScores, ...]:
    """Score nearest neighbour, class mean, gradient boosting and a plain roofline.

    Raises UsageError where scikit-learn is missing, or where the training file has no topology of its own.
    """
    scored = [p for p in points.points if p.tpot_s is not None and p.tokens_s_gpu is not None]
    seen = {p.topology for p in points.points}
    own = [p for p in train.points if p.topology not in seen and p.tpot_s is not None and p.tokens_s_gpu is not None]
    if not own:
        raise UsageError(
            FieldName("train"), ": no point of a topology that ", FieldName("points"),
            " does not hold; nothing may be learnt from it",
        )  # fmt: skip
    logs: Logs = {
        "tpot": np.log([p.tpot_s for p in own if p.tpot_s is not None]),
        "tokens_s_gpu": np.log([p.tokens_s_gpu for p in own if p.tokens_s_gpu is not None]),
    }
    learnt = [
        _scored(name, len(own), scored, predicted(own, logs, scored))
        for name, predicted in (
            ("nearest neighbour", nearest),
            ("class mean", class_mean),
            ("gradient boosting", boosted),
        )
    ]
    return (*learnt, roofline(model, gpus, scored, parameters))


def features(point: Point) -> list[float]:
    """What a row says of a deployment and its load, on scales where distances mean something."""
    prefill = point.prefill or point.decode
    decode = point.decode
    return [
        math.log2(point.concurrency), math.log2(point.isl), math.log2(point.osl), math.log2(point.gpus),
        math.log2(prefill.workers), math.log2(prefill.gpus), math.log2(decode.workers), math.log2(decode.gpus),
        2.0 * prefill.dp_attention, 2.0 * decode.dp_attention, float(decode.ep > 1), 2.0 * point.mtp,
        2.0 * (point.precision == "fp8"), 2.0 * point.disaggregated,
    ]  # fmt: skip


def nearest(train: Sequence[Point], logs: Logs, points: Sequence[Point]) -> Logs:
    """The figures of the nearest point of the same hardware and framework, else of any."""
    known, stacks = np.array([features(p) for p in train]), np.array([p.stack for p in train])
    chosen = []
    for point in points:
        distance = ((known - features(point)) ** 2).sum(axis=1) + 1e6 * (stacks != point.stack)
        chosen.append(int(distance.argmin()))
    return {metric: values[chosen] for metric, values in logs.items()}


def class_mean(train: Sequence[Point], logs: Logs, points: Sequence[Point]) -> Logs:
    """The mean (of logs) of the class and lengths, else of the stack; nothing where neither was seen."""
    keys: tuple[Callable[[Point], object], ...] = (
        lambda p: (p.group, p.isl, p.osl),
        lambda p: p.group,
        lambda p: p.stack,
    )
    found = {metric: np.full(len(points), np.nan) for metric in logs}
    for key in keys:
        members: dict[object, list[int]] = defaultdict(list)
        for i, point in enumerate(train):
            members[key(point)].append(i)
        for metric, values in logs.items():
            means = [values[members[key(p)]].mean() if members.get(key(p)) else np.nan for p in points]
            found[metric] = np.where(np.isnan(found[metric]), means, found[metric])
    return found


def boosted(train: Sequence[Point], logs: Logs, points: Sequence[Point]) -> Logs:
    """Gradient boosting of trees over the features and the stack. Raises UsageError without scikit-learn."""
    try:
        from sklearn.ensemble import GradientBoostingRegressor
    except ImportError:
        raise UsageError(FieldName("train"), f" needs scikit-learn: {install('baselines')}") from None
    stacks = sorted({p.stack for p in train})

    def table(of: Sequence[Point]) -> np.ndarray[Any, Any]:
        return np.array([[*features(p), *(float(p.stack == s) for s in stacks)] for p in of])

    known, asked = table(train), table(points)
    share = SUBSAMPLE if len(train) >= 1 / (1 - SUBSAMPLE) else 1.0
    return {
        metric: GradientBoostingRegressor(
            n_estimators=300, max_depth=4, learning_rate=0.05, subsample=share, random_state=0
        )
        .fit(known, values)
        .predict(asked)
        for metric, values in logs.items()
    }


def roofline(
    model: ModelSpec, gpus: Mapping[str, Gpu], points: Sequence[Point], parameters: TwinParameters
) -> BaselineScores:
    """The twin's own equations with every efficiency 1 and every latency 0."""
    stacks = {gpu: {name: _ideal(own) for name, own in known.items()} for gpu, known in parameters.stacks.items()}
    ideal = parameters.model_copy(update={"stacks": stacks})
    found, reasons = predictable(model, gpus, points, ideal)
    predictions = predict(model, gpus, found, ideal)
    return BaselineScores(name="roofline", trained=0, failures=len(reasons), scores=_scores(predictions))


def _ideal(own: StackParameters) -> StackParameters:
    one, nothing = ClassScale(tp=1, tep=1, dep=1), ClassScale(tp=1e-9, tep=1e-9, dep=1e-9)
    decode = own.decode.model_copy(
        update={
            "weight_bandwidth_efficiency": 1.0, "kv_bandwidth_efficiency": 1.0, "gemm_efficiency": 1.0,
            "attention_efficiency": 1.0, "expert_efficiency": dict.fromkeys(own.decode.expert_efficiency, 1.0),
            "tp_layer_us": 0.0, "ep_layer_us": 0.0, "all_reduce_gb_s": 1e9, "all_to_all_us_per_token": 0.0,
            "host_step_ms": 0.0, "host_request_us": 0.0, "draft_ms": 0.0, "context_ns": 0.0, "tp_context_ns": 0.0,
            "tep_layer_us": 0.0, "draft_context": 0.0, "padding": {}, "skew": {},
            "class_scale": dict.fromkeys(own.decode.class_scale, one),
        }
    )  # fmt: skip
    prefill = own.prefill.model_copy(
        update={
            "efficiency": 1.0, "tp_exponent": 0.0, "handoff_ms": 0.0, "handoff_passes": 0.0,
            "request_ms": dict.fromkeys(own.prefill.request_ms, nothing),
            "class_scale": dict.fromkeys(own.prefill.class_scale, one),
        }
    )  # fmt: skip
    return own.model_copy(update={"decode": decode, "prefill": prefill})


def _scored(name: str, trained: int, points: Sequence[Point], logs: Logs) -> BaselineScores:
    figures = {metric: np.exp(values) for metric, values in logs.items()}
    usable = [i for i in range(len(points)) if not any(np.isnan(values[i]) for values in figures.values())]
    predictions = [
        Prediction(points[i], float(figures["tpot"][i]), float(figures["tokens_s_gpu"][i]), math.nan, math.nan)
        for i in usable
    ]
    return BaselineScores(name=name, trained=trained, failures=len(points) - len(usable), scores=_scores(predictions))


def _scores(predictions: Sequence[Prediction]) -> dict[str, Score]:
    return {metric: found for metric in METRICS if (found := score(predictions, metric)) is not None}
