"""Validation as Markdown: the accuracy targets and what was held out on one page, every table folded below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from inferbench.metrics.catalog import TPOT, TPUT_PER_GPU, TTFT
from inferbench.simulator.validation.agreement import Agreement
from inferbench.simulator.validation.baselines import BaselineScores
from inferbench.simulator.validation.score import Score
from inferbench.simulator.validation.validate import ScoredPart, Validation

TITLES = {
    "frozen": "The constants that come with inferbench, on the points that they were fitted to (in-sample)",
    "topology": "Topologies held out, a fifth of each stack, precision and speculation at a time, in three shuffles",
    "shape": "Shapes held out: workers at every length, with and without drafts, a fifth at a time, in three shuffles",
    "lengths": "Whole ISL/OSL held out",
    "backend": "Whole backends held out: means of its relatives' constants, aggregated servers of its GPU among them",
}
HEAD = (
    "| | points | failures | TPOT | tok/s/GPU | median TTFT | tau | 90 % intervals: cover, half-width |",
    "|---|---|---|---|---|---|---|---|",
)
TARGETED = "B200 and MI355X, disaggregated"
NAMES = {TPOT.name: TPOT.label, "tokens_s_gpu": TPUT_PER_GPU.unit, TTFT.name: f"median {TTFT.label}"}


@dataclass(frozen=True, slots=True)
class Bar:
    """An accuracy target, percent but for tau."""

    what: str
    basis: str
    summary: str | None
    metric: str
    field: str
    bar: tuple[float, float]
    """The bar, and the stretch."""


BARS = (
    Bar("TPOT MAPE, B200 TRT-LLM", "topology", "B200 TRT-LLM", "tpot", "mape", (6, 4)),
    Bar("TPOT MAPE, B200 SGLang", "topology", "B200 SGLang", "tpot", "mape", (10, 7)),
    Bar("TPOT MAPE, MI355X TP", "topology", "MI355X MoRI-SGLang TP", "tpot", "mape", (7, 5)),
    Bar("TPOT MAPE, MI355X DP+EP", "topology", "MI355X MoRI-SGLang DP+EP", "tpot", "mape", (14, 9)),
    Bar("tok/s/GPU MAPE, B200 TRT-LLM", "topology", "B200 TRT-LLM", "tokens_s_gpu", "mape", (8, 5)),
    Bar("tok/s/GPU MAPE, B200 SGLang", "topology", "B200 SGLang", "tokens_s_gpu", "mape", (12, 8)),
    Bar("tok/s/GPU MAPE, MI355X TP", "topology", "MI355X MoRI-SGLang TP", "tokens_s_gpu", "mape", (9, 7)),
    Bar("tok/s/GPU MAPE, MI355X DP+EP", "topology", "MI355X MoRI-SGLang DP+EP", "tokens_s_gpu", "mape", (15, 10)),
    Bar("TPOT median, all", "topology", None, "tpot", "median", (5, 4)),
    Bar("tok/s/GPU median, all", "topology", None, "tokens_s_gpu", "median", (6, 5)),
    Bar("TPOT MAPE, ISL/OSL held out", "lengths", None, "tpot", "mape", (15, 12)),
    Bar("tok/s/GPU MAPE, ISL/OSL held out", "lengths", None, "tokens_s_gpu", "mape", (20, 15)),
    Bar("TPOT MAPE, backend held out", "backend", None, "tpot", "mape", (15, 12)),
    Bar("tok/s/GPU MAPE, backend held out", "backend", None, "tokens_s_gpu", "mape", (20, 15)),
    Bar("median TTFT, median error", "topology", None, "ttft", "median", (40, 25)),
    Bar("ranking (Kendall tau), tok/s/GPU", "topology", None, "tokens_s_gpu", "tau", (0.9, 0.95)),
    Bar("ranking (Kendall tau), TPOT", "topology", None, "tpot", "tau", (0.9, 0.95)),
    Bar("90 % intervals, TPOT: half-width", "topology", None, "tpot", "half_width", (20, 15)),
    Bar("90 % intervals, tok/s/GPU: half-width", "topology", None, "tokens_s_gpu", "half_width", (20, 15)),
    Bar("90 % intervals, TPOT: coverage", "topology", None, "tpot", "coverage", (85, 95)),
    Bar("90 % intervals, tok/s/GPU: coverage", "topology", None, "tokens_s_gpu", "coverage", (85, 95)),
)


def targets(validations: Mapping[str, Validation]) -> str:
    """The table of targets: what was reached, against bar and stretch; first how many are met."""
    met: Counter[str] = Counter()
    lines = ["| held out | figure | reached | bar | stretch | n | |", "|---|---|---|---|---|---|---|"]
    for bar in BARS:
        found = validations.get(bar.basis)
        part = None if found is None else found.targeted if bar.summary is None else found.summaries.get(bar.summary)
        score = None if part is None else part.scores.get(bar.metric)
        value = None if score is None else getattr(score, bar.field)
        limits = (
            f"{bar.bar[0]:g} | {bar.bar[1]:g}" if bar.field != "coverage" else f"{bar.bar[0]:g} to {bar.bar[1]:g} |"
        )
        shown, n = ("none", 0) if value is None or score is None else (f"{value:g}", score.n)
        met[mark := _met(bar, value)] += 1
        lines.append(f"| {bar.basis} | {bar.what} | {shown} | {limits} | {n} | {mark} |")
    reached = met["met"] + met["stretch met"]
    return "\n".join([f"{reached} of {len(BARS)} are met, {met['stretch met']} of them at the stretch.\n", *lines])


def _met(bar: Bar, value: float | None) -> str:
    if value is None:
        return "not measured"
    if bar.field == "coverage":
        return "met" if bar.bar[0] <= value <= bar.bar[1] else "**missed**"
    reached = [value >= limit if bar.field == "tau" else value <= limit for limit in bar.bar]
    return "stretch met" if reached[1] else "met" if reached[0] else "**missed**"


def scores_table(validation: Validation, *, classes: bool) -> str:
    """MAPE / median / p90 / bias of every summary or class, the re-run floor, ranking, and intervals."""
    lines = list(HEAD)
    pools = {"all": validation.pooled, TARGETED: validation.targeted}
    for name, part in {**pools, **(validation.classes if classes else validation.summaries)}.items():
        if part.points:
            lines.append(_row(name, part))
    return "\n".join(lines)


def bases_table(validations: Mapping[str, Validation]) -> str:
    """All points, and those that the targets are about, one line for each thing that was held out."""
    rows = [
        _row(f"{basis}: {name}", part)
        for basis, each in validations.items()
        for name, part in ((TARGETED, each.targeted), ("all", each.pooled))
        if part.points
    ]
    return "\n".join([*HEAD, *rows])


def _row(name: str, part: ScoredPart) -> str:
    errors = " | ".join(_errors(part.scores.get(metric)) for metric in NAMES)
    tau = " ; ".join(_number(part.scores[m].tau) if m in part.scores else "" for m in ("tpot", "tokens_s_gpu"))
    intervals = " ; ".join(_interval(part.scores.get(m)) for m in ("tpot", "tokens_s_gpu"))
    return f"| {name} | {part.points} | {part.failures} | {errors} | {tau} | {intervals} |"


def _errors(score: Score | None) -> str:
    if score is None:
        return ""
    return f"{score.mape:g} / {score.median:g} / {score.p90:g} / {score.bias:+g}"


def _interval(score: Score | None) -> str:
    return "" if score is None or score.coverage is None else f"{score.coverage:g} %, {score.half_width:g} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def baselines_table(found: Sequence[BaselineScores]) -> str:
    """MAPE / median / p90 / bias and ranking of what the twin has to beat, on the same points."""
    lines = ["| baseline | learnt from | failures | TPOT | tok/s/GPU | tau |", "|---|---|---|---|---|---|"]
    for each in found:
        taus = " ; ".join(_number(s.tau if (s := each.scores.get(m)) else None) for m in ("tpot", "tokens_s_gpu"))
        tpot, rate = (_errors(each.scores.get(metric)) for metric in ("tpot", "tokens_s_gpu"))
        lines.append(f"| {each.name} | {each.trained or 'nothing'} | {each.failures} | {tpot} | {rate} | {taus} |")
    return "\n".join(lines)


def floor_table(validation: Validation) -> str:
    """Spread of repeats by summary: what no model can be better than."""
    lines = ["| | " + " | ".join(NAMES.values()) + " |", "|---|---|---|---|"]
    for name, part in {"all": validation.pooled, **validation.summaries}.items():
        if part.floor:
            cells = [
                f"{floor.median:g} / {floor.p90:g} ({floor.pairs})" if (floor := part.floor.get(metric)) else ""
                for metric in NAMES
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def failures_table(validation: Validation) -> str:
    """What cannot be predicted, by reason."""
    rows = [f"| {f.reason} | {f.points} | {', '.join(map(str, f.lines))} |" for f in validation.failures]
    return "\n".join(["| reason | points | first lines |", "|---|---|---|", *rows])


def agreement_table(agreements: Sequence[Agreement]) -> str:
    """Steady state against event simulation, by stack: median and largest distance, percent."""
    lines = ["| | configurations | TPOT | tok/s/GPU | median TTFT |", "|---|---|---|---|---|"]
    for stack in ["all", *sorted({a.stack for a in agreements})]:
        own = [a for a in agreements if stack in ("all", a.stack)]
        columns = ([abs(getattr(a, metric)) * 100 for a in own] for metric in ("tpot", "rate", "ttft"))
        cells = " | ".join(f"{median(column):.1f} / {max(column):.1f}" for column in columns)
        lines.append(f"| {stack} | {len(own)} | {cells} |")
    return "\n".join(lines)


def document(validations: Mapping[str, Validation], agreements: Sequence[Agreement] = ()) -> str:
    """The whole page. agreements: of a sample of the configurations; none: not compared."""
    any_of = next(iter(validations.values()))
    dropped = ", ".join(f"{name} {n}" for name, n in any_of.dropped.items())
    guessed = ", ".join(f"{name} {n}" for name, n in any_of.guessed.items())
    parts = [
        "# Validation of the twin\n",
        "Written by `make validate POINTS=FILE`. Errors are percent of the measured value, as mean absolute / median "
        "absolute / 90th percentile / median signed; bias above 0 is predicted too high. All figures are of whole "
        "runs, with TPOT = (E2EL - TTFT) / (n - 1). Predictions are those of the steady state "
        "(`inferbench/simulator/steady_state/disaggregated.py`); how far it is from the event simulation stands "
        "below.\n",
        f"The file has {any_of.rows} rows; left out on purpose: {dropped or 'none'}. Settings that no recipe states "
        f"and that are guessed, in points: {guessed or 'none'}.\n",
        "## The targets\n",
        "They are about disaggregated DeepSeek-R1 on B200 and MI355X, and so are the figures beside them.\n",
        targets(validations) + "\n",
        "The equations were shaped with all of these points in view, so that errors on topologies held out here are "
        "a little kinder than those on points that nobody had seen.\n",
    ]
    parts += [
        "## What was held out\n",
        "\n".join(f"- **{basis}**: {_lower(TITLES[basis])}" for basis in validations) + "\n",
        bases_table(validations) + "\n",
        "## The tables\n",
    ]
    for basis, validation in validations.items():
        parts.append(_folded(f"{TITLES[basis]}: by stack", scores_table(validation, classes=False)))
        if basis in ("frozen", "topology"):
            parts.append(_folded(f"{TITLES[basis]}: by class", scores_table(validation, classes=True)))
    parts += [
        _folded(
            "Spread between repeats",
            "The same configuration and concurrency measured again within 4 days: median / 90th percentile of the "
            "absolute log ratio in percent (pairs). Images were not held fixed.\n\n" + floor_table(any_of),
        ),
        *_agreement_section(agreements),
        _folded(
            "What the twin cannot predict",
            "Each such point counts as a failure.\n\n" + failures_table(any_of),
        ),
    ]
    return "\n".join(parts)


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]


def _folded(title: str, text: str) -> str:
    """A part that opens on a click, on GitHub and on the site."""
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>\n"


def _agreement_section(agreements: Sequence[Agreement]) -> list[str]:
    if not agreements:
        return []
    return [
        _folded(
            "The steady state against the event simulation",
            "A sample of the measured configurations, each simulated request by request: the median of the distances "
            "and the largest, percent. With few slots a run has few requests, and its median and end are chance.\n\n"
            + agreement_table(agreements),
        )
    ]
