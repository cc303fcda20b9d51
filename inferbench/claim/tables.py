"""A claim's answers as lines and tables."""

from __future__ import annotations

from collections import Counter

from inferbench.audits.tables import audit_table, flag_table
from inferbench.claim.answer import ClaimReport, LineAnswer, LineOutcome
from inferbench.comparison.verdict import PairVerdict
from inferbench.numerals import ratio, usd
from inferbench.render.format import interval
from inferbench.render.table import Column, Table
from inferbench.uncertainty.interval import Interval

INTERVALS = (
    "Intervals hold 90 % of 20,000 draws (fixed seed) over run-to-run noise, interpolation gap and price ranges."
)


def head(report: ClaimReport) -> list[str]:
    """What is claimed, by whom, and how the answers fall."""
    at = "" if report.interactivity is None else f" Read at {report.interactivity:g} tok/s/user, on whole_run figures."
    return [
        f"{report.title} ({report.as_of})",
        f"Claim: {report.statement}",
        f"Source: {report.source}. {report.attribution}.{at}",
        tally(report),
    ]


def tally(report: ClaimReport) -> str:
    """How many lines hold."""
    answers = Counter(line.answer for line in report.lines)
    claimed = len(report.lines) - answers[LineOutcome.FOUND]
    parts = [
        f"{answers[answer]} {answer.value}"
        for answer in LineOutcome
        if answer is not LineOutcome.FOUND and answers[answer]
    ]
    return f"Of {claimed} claimed lines: {', '.join(parts)}."


def lines(report: ClaimReport) -> list[str]:
    """One sentence per line: the answer, the claim, what was found, and what would flip it."""
    return [_line(line) for line in report.lines]


def _line(line: LineAnswer) -> str:
    claimed = f" Claimed: {line.claimed}." if line.claimed else ""
    flips = f" Flips: {line.flips}." if line.flips else ""
    return f"{line.answer.value.upper()}: {line.text.rstrip('.')}{'' if line.text.endswith('?') else '.'}{claimed} " + (
        f"Found: {line.found}.{flips}"
    )


def tables(report: ClaimReport) -> tuple[Table, ...]:
    """The verdicts, what moves the first of them, and the audit."""
    made = [verdict_table(report), tornado_table(report.verdicts[0])] if report.verdicts else []
    if report.audit is not None:
        made += [audit_table(report.audit), flag_table(report.audit)]
    return tuple(made)


def answer_table(report: ClaimReport) -> Table:
    """A row per line."""
    return Table(
        title="Line by line",
        columns=(
            Column("line", align="left"),
            Column("answer", align="left"),
            Column("claimed", align="left"),
            Column("found", align="left"),
            Column("what would flip it", align="left"),
        ),
        rows=tuple((a.text, a.answer.value, a.claimed or "-", a.found, a.flips or "-") for a in report.lines),
    )


def verdict_table(report: ClaimReport) -> Table:
    """A row per pair, book and tier."""
    return Table(
        title="Who is cheaper, with intervals (cost derived from throughput)",
        columns=(
            Column("against", align="left"),
            Column("book", align="left"),
            Column("tier", align="left"),
            Column("verdict", align="left"),
            Column("cost ratio"),
            Column("interval"),
            Column("$/Mtok", priority=1),
            Column("other $/Mtok", priority=1),
            Column("price ratio", priority=2),
            Column("breaks even at", priority=2),
        ),
        rows=tuple(_verdict_row(verdict) for verdict in report.verdicts),
        keys=3,
        note=" ".join(
            [
                f"Subject: {report.verdicts[0].subject if report.verdicts else '-'}. Ratios: subject over other.",
                INTERVALS,
                *(f"Not judged: {why}." for why in report.unanswered),
            ]
        ),
    )


def _verdict_row(verdict: PairVerdict) -> tuple[str, ...]:
    return (
        verdict.against,
        verdict.book,
        verdict.tier,
        verdict.outcome.value,
        ratio(verdict.ratio.central),
        f"{ratio(verdict.ratio.low)} to {ratio(verdict.ratio.high)}",
        _with_interval(verdict.subject_usd_per_mtok),
        _with_interval(verdict.against_usd_per_mtok),
        f"{verdict.price_ratio:.3f}",
        f"{verdict.break_even_price_ratio:.3f}",
    )


def _with_interval(cost: Interval) -> str:
    return f"{usd(cost.central)} ({interval(cost.low, cost.high)})"


def tornado_table(verdict: PairVerdict) -> Table:
    """What each uncertain input alone moves the headline ratio to."""
    return Table(
        title=f"What moves the cost ratio {verdict.subject} / {verdict.against} ({ratio(verdict.ratio.central)})",
        columns=(
            Column("input", align="left"),
            Column("at its low end"),
            Column("at its high end"),
            Column("rests on", align="left", priority=1),
        ),
        rows=tuple((bar.name, ratio(bar.at_low), ratio(bar.at_high), bar.source) for bar in verdict.tornado),
        note="All other inputs at their central value; the widest first.",
    )
