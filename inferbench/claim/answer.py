"""What came of a claim: an answer per line, and the verdict with its interval and what moves it."""

from __future__ import annotations

from enum import StrEnum

from inferbench.audits.report import AuditReport
from inferbench.comparison.verdict import FrontierPoint, PairVerdict
from inferbench.values import Value


class LineOutcome(StrEnum):
    """What can be said about a line."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNDECIDABLE = "undecidable"
    """The points or prices given do not reach it."""
    FOUND = "found"
    """Nothing was claimed; the value is what was asked for."""


class LineAnswer(Value):
    """The answer to one line."""

    id: str
    text: str
    answer: LineOutcome
    claimed: str
    """What is claimed; empty where nothing is."""
    found: str
    """The value found, with what it stands on."""
    value: float | None
    """The value found as a number; the one nearest to the claim's edge where there are several."""
    flips: str
    """What would change the answer; empty where nothing was claimed."""


class CurveFront(Value):
    """One curve's front with its price under the headline book and tier."""

    name: str
    title: str
    front: tuple[FrontierPoint, ...]
    usd_per_gpu_hour: float | None


class ClaimReport(Value):
    """Everything that the terminal and the page say about a claim."""

    name: str
    title: str
    statement: str
    as_of: str
    source: str
    attribution: str
    interactivity: float | None
    lines: tuple[LineAnswer, ...]
    verdicts: tuple[PairVerdict, ...]
    unanswered: tuple[str, ...]
    """Comparisons that could not be made, with why."""
    fronts: tuple[CurveFront, ...]
    audit: AuditReport | None
