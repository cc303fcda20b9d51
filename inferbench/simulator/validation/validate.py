"""Validation: the twin's predictions of a file of measured points, by frozen constants or refitted on a split."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.evidence.points_csv import Point, Points
from inferbench.simulator.calibration.configuration import Configuration, predictable
from inferbench.simulator.calibration.conformal_intervals import UNKNOWN, with_intervals
from inferbench.simulator.calibration.family import Family
from inferbench.simulator.calibration.priors import seeded
from inferbench.simulator.parameters.parameters import TwinParameters
from inferbench.simulator.validation.held_out_splits import Split, folds, shuffles
from inferbench.simulator.validation.prediction import METRICS, Prediction, predict
from inferbench.simulator.validation.score import Floor, Score, rerun_floor, scores
from inferbench.values import Value


class Failure(Value):
    """Points that the twin cannot predict."""

    reason: str
    points: int
    lines: tuple[int, ...]
    """The first of them in the file."""


class ScoredPart(Value):
    """Scores of a set of points."""

    points: int
    failures: int
    scores: dict[str, Score]
    floor: dict[str, Floor]


class Validation(Value):
    """How far off the twin is on a file of measured points."""

    basis: str
    """`frozen` constants, or the split that they were refitted without."""
    rows: int
    dropped: dict[str, int]
    """Rows left out on purpose, by flag or kind."""
    failures: tuple[Failure, ...]
    guessed: dict[str, int]
    """Points with a setting that no recipe states."""
    pooled: ScoredPart
    targeted: ScoredPart
    """The stacks that accuracy targets are set for."""
    summaries: dict[str, ScoredPart]
    """By backend and parallelism, as the accuracy targets are set."""
    classes: dict[str, ScoredPart]
    """By hardware, framework, precision and parallelism of the decode worker."""


LINES_SHOWN = 5
TARGETED = ("b200 dynamo-trtllm", "b200 dynamo-sglang", "mi355x sglang")
"""Disaggregated DeepSeek-R1 on B200 and MI355X: what the accuracy targets are about."""


def held_out_predictions(
    model: ModelSpec, gpus: Mapping[str, Gpu], found: Sequence[Configuration], base: TwinParameters, split: Split
) -> list[Prediction]:
    """Predict each point by constants fitted without its topology (or lengths, or backend), with intervals.

    Once per shuffle of the split's parts, one shuffle after the other.
    """
    times = shuffles(split)
    return [
        replace(prediction, share=1 / times)
        for seed in range(times)
        for prediction in _held_out_once(model, gpus, found, base, split, seed)
    ]


def _held_out_once(
    model: ModelSpec,
    gpus: Mapping[str, Gpu],
    found: Sequence[Configuration],
    base: TwinParameters,
    split: Split,
    seed: int,
) -> list[Prediction]:
    result: dict[int, tuple[Prediction, int]] = {}
    for part, (_, held) in enumerate(folds([c.point for c in found], split, seed)):
        out = set(held)
        family = Family(model, gpus, [c for i, c in enumerate(found) if i not in out], base)
        for stack in sorted({found[i].point.stack for i in held}):
            testing = [i for i in held if found[i].point.stack == stack]
            constants = family.parameters(stack)
            if constants is not None:
                predicted = predict(model, gpus, [found[i] for i in testing], constants)
                result.update({i: (p, part) for i, p in zip(testing, predicted, strict=True)})
    order = sorted(result)
    return with_intervals([result[i][0] for i in order], [result[i][1] for i in order])


def validate(
    model: ModelSpec, gpus: Mapping[str, Gpu], points: Points, parameters: TwinParameters, split: Split | None
) -> Validation:
    """Score the frozen constants, or with a split those refitted on its training parts."""
    parameters = seeded(parameters)
    found, reasons = predictable(model, gpus, points.points, parameters)
    if split is None:
        predictions = with_frozen_intervals(predict(model, gpus, found, parameters), parameters)
    else:
        predictions = held_out_predictions(model, gpus, found, parameters, split)
        seen = {p.point.line for p in predictions}
        reasons |= {c.point.line: f"no training point of its {split}" for c in found if c.point.line not in seen}
    reasons |= points.bad
    guesses = Counter(g for c in found for g in c.recipe.guesses)
    return Validation(
        basis=split or "frozen",
        rows=len(points.points) + len(points.bad) + sum(points.dropped.values()),
        dropped=points.dropped,
        failures=_failures(reasons),
        guessed=dict(sorted(guesses.items())),
        pooled=_part(predictions, found, len(reasons)),
        targeted=_part(
            [p for p in predictions if p.point.stack in TARGETED],
            [c for c in found if c.point.stack in TARGETED],
            sum(1 for point in points.points if point.line in reasons and point.stack in TARGETED),
        ),
        summaries=_parts(predictions, found, reasons, points, summary_of),
        classes=_parts(predictions, found, reasons, points, lambda point: point.group),
    )


ENGINES = {"sglang": "SGLang", "trtllm": "TRT-LLM", "atom": "ATOM"}
KINDS = {"tp": "TP", "tep": "TP with EP", "dep": "DP+EP"}


def summary_of(point: Point) -> str:
    """Name of the accuracy target that a point counts for."""
    if point.stack == "mi355x sglang":
        return f"MI355X MoRI-SGLang {KINDS[point.decode.kind]}"
    engine = ENGINES.get(point.framework.removeprefix("dynamo-"), point.framework)
    return f"{point.hw.upper()} {engine}" + ("" if point.disaggregated else " aggregated")


def with_frozen_intervals(predictions: Sequence[Prediction], parameters: TwinParameters) -> list[Prediction]:
    """Give each prediction the interval that the parameter file has for its class."""
    result = []
    for p in predictions:
        gpu, framework = p.point.stack.split()
        stack = parameters.stacks[gpu][framework]
        classes = stack.intervals if p.current else stack.earlier_intervals
        own = classes.get(p.point.precision, {}).get(p.point.decode.kind)  # type: ignore[call-overload]
        if own is None:
            widths = {"tpot": UNKNOWN, "tokens_s_gpu": UNKNOWN}
        else:
            widths = {"tpot": math.log1p(own.tpot), "tokens_s_gpu": math.log1p(own.tokens_s_gpu)}
        result.append(replace(p, half_width=widths))
    return result


def _failures(reasons: Mapping[int, str]) -> tuple[Failure, ...]:
    lines: dict[str, list[int]] = defaultdict(list)
    for line in sorted(reasons):
        lines[reasons[line]].append(line)
    return tuple(
        Failure(reason=reason, points=len(found), lines=tuple(found[:LINES_SHOWN]))
        for reason, found in sorted(lines.items(), key=lambda item: -len(item[1]))
    )


def _parts(
    predictions: Sequence[Prediction],
    found: Sequence[Configuration],
    reasons: Mapping[int, str],
    points: Points,
    name_of: Callable[[Point], str],
) -> dict[str, ScoredPart]:
    failed = Counter(name_of(point) for point in points.points if point.line in reasons)
    names = sorted({name_of(point) for point in points.points})
    return {
        name: _part(
            [p for p in predictions if name_of(p.point) == name],
            [c for c in found if name_of(c.point) == name],
            failed[name],
        )
        for name in names
    }


def _part(predictions: Sequence[Prediction], found: Sequence[Configuration], failures: int) -> ScoredPart:
    floors = {metric: floor for metric in METRICS if (floor := rerun_floor(found, metric)) is not None}
    return ScoredPart(
        points=round(sum(p.share for p in predictions)), failures=failures, scores=scores(predictions), floor=floors
    )
