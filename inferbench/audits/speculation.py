"""What speculation gains: the same topology at the same load on the same day, with and without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inferbench.audits.cases import Case, CasesSeen, checks
from inferbench.audits.report import Check
from inferbench.audits.roofline import DEEPEST_DRAFT
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.evidence.rerun_noise import SOURCE as FLOOR_SOURCE
from inferbench.evidence.rerun_noise import interactivity_floor

BOUND_SOURCE = (
    f"a step yields at most draft depth + 1 tokens; {DEEPEST_DRAFT} is the deepest draft in published recipes"
)
LOAD_SOURCE = (
    "at fixed acceptance a step with drafts costs more the more requests share it, so the gain does not rise with "
    f"load (Leviathan et al. 2023, section 3); floor: {FLOOR_SOURCE}"
)


@dataclass(frozen=True)
class Gain:
    """Interactivity with speculation over that without, at one load."""

    with_it: MeasuredPoint
    without: MeasuredPoint

    @property
    def factor(self) -> float:
        """The gain."""
        return (self.with_it.interactivity or 0.0) / (self.without.interactivity or 1.0)

    @property
    def concurrency(self) -> int:
        """The load."""
        return self.with_it.concurrency or 0


def gains(points: Sequence[MeasuredPoint]) -> list[Gain]:
    """Match dated points with speculation to those without that agree in everything else."""
    plain = {_key(p): p for p in points if p.speculation == "none" and _usable(p)}
    return [Gain(p, plain[_key(p)]) for p in points if p.speculation != "none" and _usable(p) and _key(p) in plain]


@checks(Check.SPECULATION_BOUND, BOUND_SOURCE)
def speculation_bound(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """Speculation cannot gain more than draft depth + 1, and nobody leaves on what makes every user slower."""
    for gain in gains(points):
        words = ""
        if gain.factor > DEEPEST_DRAFT + 1:
            words = f"speculation gains {gain.factor:.2f}x, above {DEEPEST_DRAFT + 1}x"
        elif gain.factor < 1 / (1 + interactivity_floor(gain.with_it)):
            words = f"speculation slows every user to {gain.factor:.2f}x"
        yield [CasesSeen((gain.with_it, gain.without), words)] if words else []


@checks(Check.SPECULATION_OVER_LOAD, LOAD_SOURCE)
def speculation_over_load(points: Sequence[MeasuredPoint]) -> Iterator[Case]:
    """The gain must not rise with load by more than re-runs differ, over all topologies of one parallelism in a run."""
    groups = _groups(gains(points))
    for key, own in groups.items():
        if len({gain.concurrency for gain in own}) > 1:
            yield _rising(key, own, groups)


Key = tuple[str, str, str, object]


def _groups(pairs: Sequence[Gain]) -> dict[Key, list[Gain]]:
    """Gains by stack, parallelism, shape and day, whatever the number of workers."""
    groups: dict[Key, list[Gain]] = defaultdict(list)
    for gain in pairs:
        point = gain.with_it
        role = point.decode
        parallel = f"TP{role.tp}{f'/EP{role.ep}' if role.ep > 1 else ''}{'+DP' if role.dp_attention else ''}"
        groups[point.stack, parallel, point.shape, point.date].append(gain)
    return groups


def _rising(key: Key, own: Sequence[Gain], groups: dict[Key, list[Gain]]) -> Case:
    least = min(gain.concurrency for gain in own)
    base = max(gain.factor for gain in own if gain.concurrency == least)
    rest = sorted((gain for gain in own if gain.concurrency > least), key=lambda gain: gain.concurrency)
    if max(gain.factor for gain in rest) <= base * (1 + interactivity_floor(own[0].with_it)):
        return []
    stack, parallel, shape, date = key
    others = {k[2]: v for k, v in groups.items() if k[:2] == key[:2] and k[3] == date and k[2] != shape}
    beside = "".join(f"; at {s} the same day it gains {_range(v)}" for s, v in others.items())
    said = (
        f"{stack} {parallel} {shape}, {date}: speculation gains {base:.2f}x at concurrency {least} but "
        f"{_range(rest)} at {rest[0].concurrency} to {rest[-1].concurrency}{beside}"
    )
    return [CasesSeen([gain.with_it for gain in own], said)]


def _range(own: Sequence[Gain]) -> str:
    low, high = min(g.factor for g in own), max(g.factor for g in own)
    return f"{low:.2f}x" if low == high else f"{low:.2f}-{high:.2f}x"


def _usable(point: MeasuredPoint) -> bool:
    return point.interactivity is not None and point.date is not None and point.concurrency is not None


def _key(point: MeasuredPoint) -> tuple[object, ...]:
    return (
        point.gpu, point.framework, point.model, point.precision, point.shape, point.prefill, point.decode,
        point.concurrency, point.date,
    )  # fmt: skip
