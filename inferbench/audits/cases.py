"""The one loop of all checks: look at every case that holds what a check needs, and flag what stands out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import NamedTuple, ParamSpec

from inferbench.audits.report import AuditFlag, Check
from inferbench.evidence.measured_point import MeasuredPoint

P = ParamSpec("P")
Checked = tuple[int, list[AuditFlag]]
"""How many points, pairs or curves held what the check needs, and the flags."""


class CasesSeen(NamedTuple):
    """What stands out, and on which points."""

    points: Sequence[MeasuredPoint]
    words: str


Case = Sequence[CasesSeen]
"""What stands out in one point, pair or curve; nothing in most."""


def checks(check: Check, source: str) -> Callable[[Callable[P, Iterator[Case]]], Callable[P, Checked]]:
    """Make a check of what yields every case that it looks at; `source` is where its rule comes from."""

    def of(look: Callable[P, Iterator[Case]]) -> Callable[P, Checked]:
        @wraps(look)
        def run(*args: P.args, **kwargs: P.kwargs) -> Checked:
            cases = list(look(*args, **kwargs))
            flags = [flag(check, source, seen) for case in cases for seen in case]
            return len(cases), flags

        return run

    return of


def flag(check: Check, source: str, seen: CasesSeen) -> AuditFlag:
    """Write down what stands out."""
    return AuditFlag(
        check=check, observation=seen.words, points=tuple(point.label for point in seen.points), source=source
    )


def on(point: MeasuredPoint, *words: str) -> Case:
    """One point as a case: all that stands out in it in one flag, none where there are no words."""
    said = [text for text in words if text]
    return [CasesSeen((point,), "; ".join(said))] if said else []
