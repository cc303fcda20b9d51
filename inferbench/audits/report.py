"""An audit of measured points: what was looked at, and what stands out. Observations only; no cause is guessed."""

from __future__ import annotations

from enum import StrEnum

from inferbench.values import Value


class Check(StrEnum):
    """What can be looked at."""

    LITTLES_LAW = "littles-law"
    ROOFLINE = "roofline"
    GPU_COUNT = "gpu-count"
    ACCOUNTING = "accounting"
    SPECULATION_BOUND = "speculation-bound"
    SPECULATION_OVER_LOAD = "speculation-over-load"
    INTERACTIVITY_RISES = "interactivity-rises"
    THROUGHPUT_COLLAPSES = "throughput-collapses"
    OFF_CURVE = "off-curve"
    OVER_TIME = "over-time"
    WAITING = "waiting"
    WEIGHTS_FIT = "weights-fit"
    TTFT_IN_REQUEST = "ttft-in-request"
    SWITCHES = "benchmark-switches"


class AuditFlag(Value):
    """One observation."""

    check: Check
    observation: str
    """What was seen, in figures."""
    points: tuple[str, ...]
    """Labels of the points that it was seen on."""
    source: str
    """Where the rule comes from."""


class CheckCount(Value):
    """How far a check got."""

    check: Check
    checked: int
    """Points, pairs or curves that held what the check needs."""
    flagged: int


class AuditReport(Value):
    """All observations on one set of points."""

    source: str
    """The file or run that was audited."""
    points: int
    checks: tuple[CheckCount, ...]
    flags: tuple[AuditFlag, ...]
    notes: tuple[str, ...] = ()
    """What the reader of the points had to assume or leave out, such as bad rows by number."""
