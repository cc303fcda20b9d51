"""An audit as a table of checks and lines of observations."""

from __future__ import annotations

from inferbench.audits.report import AuditFlag, AuditReport, Check
from inferbench.render.format import count
from inferbench.render.table import Column, Table

SHOWN = 3
"""Flags of each check that are shown where not all are asked for."""
WORDS = {
    Check.LITTLES_LAW: "throughput x latency gives the concurrency",
    Check.ROOFLINE: "not faster than the hardware allows",
    Check.GPU_COUNT: "stated GPUs are those of the topology",
    Check.ACCOUNTING: "input and output add up to the total",
    Check.SPECULATION_BOUND: "speculation gains at most draft depth + 1, and does not slow",
    Check.SPECULATION_OVER_LOAD: "speculation's gain does not rise with load",
    Check.INTERACTIVITY_RISES: "interactivity does not rise with load",
    Check.THROUGHPUT_COLLAPSES: "throughput does not fall with load",
    Check.OFF_CURVE: "a point lies on its own curve",
    Check.OVER_TIME: "one configuration gives one throughput on all days",
    Check.WAITING: "requests are mostly in decode",
    Check.WEIGHTS_FIT: "the weights fit the GPUs of each worker",
    Check.TTFT_IN_REQUEST: "a first token comes within its request",
    Check.SWITCHES: "no settings that only a benchmark uses",
}


def audit_table(report: AuditReport) -> Table:
    """A row per check: what should hold, on how many points, pairs or curves it could be looked at, and the flags."""
    return Table(
        title=f"Audit of {report.source}: {count(report.points)} points",
        columns=(
            Column("check", align="left"),
            Column("what should hold", align="left"),
            Column("looked at"),
            Column("flags"),
        ),
        rows=tuple(
            (c.check.value, WORDS[c.check], count(c.checked), count(c.flagged) if c.flagged else "none")
            for c in report.checks
        ),
        note="A flag is an observation, not an error: no cause is guessed. Looked at: points, pairs or curves that say "
        "what the check needs.",
    )


def flag_table(report: AuditReport) -> Table:
    """Every observation."""
    return Table(
        title="What stands out in the measured points",
        columns=(Column("check", align="left"), Column("observation", align="left")),
        rows=tuple((flag.check.value, observation(flag)) for flag in report.flags) or (("-", "nothing"),),
        note=" ".join(["Observations, without a guess at causes. They do not change an answer.", *report.notes]),
    )


def flag_lines(report: AuditReport, most: int | None, rest: str = "") -> list[str]:
    """The observations, at most so many of each check, and the reader's notes; `rest` says how to see what is left."""
    lines = []
    for check in Check:
        own = [flag for flag in report.flags if flag.check is check]
        shown = own if most is None else own[:most]
        lines += [f"{check.value}: {observation(flag)}" for flag in shown]
        if len(own) > len(shown):
            lines.append(f"{check.value}: {len(own) - len(shown)} more{rest}")
    return [*lines, *report.notes]


def observation(flag: AuditFlag) -> str:
    """What was seen and where; the first point stands for many."""
    more = f" and {len(flag.points) - 1} more" if len(flag.points) > 1 else ""
    return f"{flag.observation} [{flag.points[0]}{more}]"
