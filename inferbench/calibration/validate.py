"""Validation: the twin's predictions of a file of measured points, by frozen constants or refitted on a split."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..domain.hardware import Gpu
from ..domain.model import ModelSpec
from ..domain.value import Value
from ..twin.parameters import TwinParameters
from .configuration import Configuration, predictable
from .fit import Problem, fit
from .intervals import with_intervals
from .knobs import DONORS, donated, with_knobs
from .points import Point, Points
from .prediction import METRICS, Prediction, predict
from .score import Floor, Score, rerun_floor, scores
from .split import Split, folds, shuffles


class Failure(Value):
    """Points that the twin cannot predict."""

    reason: str
    points: int
    lines: tuple[int, ...]
    """The first of them in the file."""


class Part(Value):
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
    pooled: Part
    summaries: dict[str, Part]
    """By backend and parallelism, as the accuracy targets are set."""
    classes: dict[str, Part]
    """By hardware, framework, precision and parallelism of the decode worker."""


LINES_SHOWN = 5


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
        training = [c for i, c in enumerate(found) if i not in out]
        for stack in sorted({found[i].point.stack for i in held}):
            testing = [i for i in held if found[i].point.stack == stack]
            constants = _constants_without(model, gpus, training, base, stack)
            if constants is not None:
                predicted = predict(model, gpus, [found[i] for i in testing], constants)
                result.update({i: (p, part) for i, p in zip(testing, predicted, strict=True)})
    order = sorted(result)
    return with_intervals([result[i][0] for i in order], [result[i][1] for i in order])


def _constants_without(
    model: ModelSpec, gpus: Mapping[str, Gpu], training: Sequence[Configuration], base: TwinParameters, stack: str
) -> TwinParameters | None:
    """Constants of a stack by the training points: its own, or else its donor's; None where neither has any."""
    own = [c for c in training if c.point.stack == stack]
    if own:
        return _fitted(model, gpus, own, base, stack)
    other = [c for c in training if c.point.stack == DONORS[stack]]
    return donated(_fitted(model, gpus, other, base, DONORS[stack]), stack) if other else None


def _fitted(
    model: ModelSpec, gpus: Mapping[str, Gpu], training: Sequence[Configuration], base: TwinParameters, stack: str
) -> TwinParameters:
    problem = Problem(base, model, gpus[stack.split()[0]], stack, training)
    return with_knobs(base, stack, problem.knobs, fit(problem, starts=1).z)


def validate(
    model: ModelSpec, gpus: Mapping[str, Gpu], points: Points, parameters: TwinParameters, split: Split | None
) -> Validation:
    """Score the frozen constants, or with a split those refitted on its training parts."""
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
        summaries=_parts(predictions, found, reasons, points, summary_of),
        classes=_parts(predictions, found, reasons, points, lambda point: point.group),
    )


KINDS = {"tp": "TP", "tep": "TP with EP", "dep": "DP+EP"}


def summary_of(point: Point) -> str:
    """Name of the accuracy target that a point counts for."""
    if not point.disaggregated:
        return f"{point.stack}, aggregated"
    kind = KINDS[point.decode.kind]
    names = {
        "b200 dynamo-trtllm": "B200 TRT-LLM",
        "b200 dynamo-sglang": "B200 SGLang",
        "mi355x sglang": f"MI355X MoRI-SGLang {kind}",
    }
    return names.get(point.stack, point.stack)


def with_frozen_intervals(predictions: Sequence[Prediction], parameters: TwinParameters) -> list[Prediction]:
    """Give each prediction the interval that the parameter file has for its class."""
    result = []
    for p in predictions:
        gpu, framework = p.point.stack.split()
        stack = parameters.stacks[gpu][framework]
        classes = stack.intervals if p.current else stack.earlier_intervals
        own = classes.get(p.point.precision, {}).get(p.point.decode.kind)  # type: ignore[call-overload]
        widths = {} if own is None else {"tpot": math.log1p(own.tpot), "tokens_s_gpu": math.log1p(own.tokens_s_gpu)}
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
) -> dict[str, Part]:
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


def _part(predictions: Sequence[Prediction], found: Sequence[Configuration], failures: int) -> Part:
    floors = {metric: floor for metric in METRICS if (floor := rerun_floor(found, metric)) is not None}
    return Part(
        points=round(sum(p.share for p in predictions)), failures=failures, scores=scores(predictions), floor=floors
    )
