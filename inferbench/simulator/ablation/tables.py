"""An ablation as tables and sentences."""

from __future__ import annotations

from inferbench.metrics.catalog import TPUT_PER_GPU
from inferbench.numerals import MISSING, significant
from inferbench.render.format import count, percent
from inferbench.render.table import Column, Table
from inferbench.simulator.ablation.ablation import Measure, PublishedFigure
from inferbench.simulator.ablation.result import AblationResult, ExchangeAnswer, FigureAnswer, WeighingAnswer

SIMULATED = "Modelled by the twin's steady state"


def ablation_tables(result: AblationResult) -> tuple[Table, ...]:
    """The published figures, each weighing, and what fewer bytes are worth in time."""
    return (
        figure_table(result),
        *(weighing_table(answer) for answer in result.weighings),
        exchange_table(result.exchange),
    )


def figure_table(result: AblationResult) -> Table:
    """A row per published figure: what was printed, what the twin says, and how it was got."""
    return Table(
        title="Published and modelled (simulated)",
        columns=(
            Column("figure", align="left"),
            Column("published"),
            Column("modelled"),
            Column("of the effect", short="of it"),
            Column("how", align="left"),
        ),
        rows=tuple(
            (
                answer.figure.title,
                published(answer.figure),
                modelled(answer),
                MISSING if answer.share is None else f"{answer.share:.0%}",
                answer.figure.how.value,
            )
            for answer in result.figures
        ),
        note=f"{SIMULATED}. derived: from dimensions, bytes, rates and kernel times that know nothing of the figure; "
        "calibrated: a constant was set to it or to its sibling of the same run; published only: nothing in the twin "
        "explains it. Of the effect: how much of what was published the model reaches, at the load that comes nearest.",
    )


def sentences(result: AblationResult) -> tuple[str, ...]:
    """A sentence per figure: why the model reaches it, or why it cannot, and the condition that it holds under."""
    return tuple(
        f"{answer.figure.title}: {answer.figure.remark}. Condition: {condition(answer)}." for answer in result.figures
    )


def weighing_table(answer: WeighingAnswer) -> Table:
    """A row per part: alone, in turn, and missing."""
    at, none = answer.weighing, answer.none
    first = ("none", MISSING, MISSING, significant(none.tokens_s_gpu), significant(none.tpot_ms), MISSING, MISSING)
    return Table(
        title=f"Parts at {answer.concurrency:,} concurrent: {at.title}, {at.topology} (simulated)",
        columns=(
            Column("part", align="left"),
            Column("alone", "tput"),
            Column("alone", "TPOT", priority=1),
            Column("in turn", TPUT_PER_GPU.unit),
            Column("in turn", "TPOT ms"),
            Column("last", "tput"),
            Column("last", "TPOT", priority=1),
        ),
        rows=(
            first,
            *(
                (
                    effect.part.title,
                    change(effect.alone),
                    change(effect.alone_tpot),
                    significant(effect.in_turn.tokens_s_gpu),
                    significant(effect.in_turn.tpot_ms),
                    change(effect.missing),
                    change(effect.missing_tpot),
                )
                for effect in answer.effects
            ),
        ),
        note=f"{SIMULATED}. Alone: turned on where all others are off. In turn: with those above it. Last: turned on "
        "where all others are on, so all but it is without that.",
    )


def exchange_table(answer: ExchangeAnswer) -> Table:
    """Time of a dispatch and combine by tokens of a rank, beside the bytes."""
    return Table(
        title="What fewer bytes are worth in time",
        columns=(
            Column("tokens", "of a rank"),
            Column("time", "us"),
            Column("time, over FP8 and BF16"),
            Column("bytes, over FP8 and BF16"),
            Column("time, over BF16 both ways"),
            Column("bytes, over BF16 both ways"),
        ),
        rows=tuple(
            (
                count(row.tokens),
                significant(row.microseconds),
                _times(row.time_over_fp8),
                _times(answer.bytes_over_fp8),
                _times(row.time_over_bf16),
                _times(answer.bytes_over_bf16),
            )
            for row in answer.rows
        ),
        note="One dispatch and one combine of a layer in the stack's own formats, by the published times of the "
        "kernels (t0 + slope x tokens), which hold start-up and quantising; below 1.00x it is slower. The time of a "
        "BF16 dispatch is FP8's, scaled by bytes: nobody has published it.",
    )


def published(figure: PublishedFigure) -> str:
    """What was printed."""
    if figure.published is None:
        return "none"
    low, high = (_shown(figure.measure, value) for value in (figure.published.low, figure.published.high))
    text = low if low == high else f"{low} to {high}"
    return f"up to {text}" if figure.published.up_to else text


def modelled(answer: FigureAnswer) -> str:
    """What the twin says, from the least to the most over its loads."""
    if answer.figure.measure.goes_in:
        return "goes in"
    low, high = (_shown(answer.figure.measure, value) for value in answer.range)
    return low if low == high else f"{low} to {high}"


def condition(answer: FigureAnswer) -> str:
    """The condition that was stated, what was assumed beside it, and the loads."""
    figure = answer.figure
    loads = [f"{each.load:,}" for each in answer.modelled]
    unit = "tokens a rank" if figure.measure.by_tokens else "concurrent"
    at = loads[0] if len(loads) == 1 else f"{loads[0]} to {loads[-1]}"
    parts = [figure.condition, f"assumed: {figure.assumed}" if figure.assumed else ""]
    if figure.measure not in (Measure.BYTES, Measure.EXPERTS):
        parts.append(f"modelled at {at} {unit}")
    return "; ".join(part for part in parts if part)


def _shown(measure: Measure, ratio: float) -> str:
    return _times(ratio) if measure.of_a_kernel else change(ratio)


def change(ratio: float) -> str:
    """A ratio as a change; one too small to show has no sign of its own."""
    return percent(round(ratio - 1, 4) + 0.0)


def _times(ratio: float) -> str:
    return f"{ratio:.2f}x"
