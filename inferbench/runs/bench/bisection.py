"""The highest load that keeps an SLO, by bisection where every measurement may come out either way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from inferbench.errors import UsageError
from inferbench.loadgen.health.remedies import why_invalid
from inferbench.metrics.summary import PointSummary

RARELY, MOSTLY = 0.1, 0.9
"""A load fails where at most this share of its measurements keeps the SLO, and holds where at least this share does.
Between the two it is neither, and no number of measurements makes it one."""


@dataclass(frozen=True, slots=True)
class SearchSample:
    """One measurement at one load."""

    load: int
    kept: bool | None
    """Whether the SLO was kept; None where the measurement is not to be believed (the client was late)."""
    note: str = ""
    """What was measured, for people."""


class LoadVerdict(StrEnum):
    """What repeated measurements say of a load."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Where the limit lies: with `confidence`, `holds` keeps the SLO and `fails` does not."""

    holds: int | None
    """Highest load that was shown to keep it; None: not even the lowest was."""
    fails: int | None
    """Lowest load above it that was shown to break it; None: not even the highest was."""
    resolution: int
    confidence: float
    samples: tuple[SearchSample, ...]
    """All measurements, in order."""

    @property
    def decided(self) -> bool:
        """Whether nothing undecided is left between the two, as finely as was asked for."""
        return self.holds is not None and self.fails is not None and self.fails - self.holds <= self.resolution

    @property
    def invalid(self) -> bool:
        """Whether the client is why it is not decided: at some load, half of the measurements or more say nothing."""
        believed = Counter(sample.load for sample in self.samples if sample.kept is not None)
        lost = Counter(sample.load for sample in self.samples if sample.kept is None)
        return not self.decided and any(n >= believed[load] for load, n in lost.items())


def sample_of(load: int, summary: PointSummary, least: float = 0.99) -> SearchSample:
    """Judge a run by its goodput: the SLO is kept where at least this share of all requests kept every clause.

    A run whose client is INVALID says nothing. Raises ValueError where the run was summarised without an SLO.
    """
    if summary.client is not None and not summary.client.valid:
        return SearchSample(load, None, f"client INVALID: {why_invalid(summary.client)}")
    if summary.whole_run is None:
        return SearchSample(load, False, "no request succeeded")
    fraction = summary.whole_run.throughput.goodput_fraction
    if fraction is None:
        raise ValueError("the run was summarised without a goodput SLO")
    return SearchSample(load, fraction >= least, f"{fraction:.1%} of requests kept the SLO, {least:.1%} are asked for")


def search(
    measure: Callable[[int], SearchSample],
    low: int,
    high: int,
    *,
    resolution: int = 1,
    confidence: float = 0.95,
    max_repeats: int = 12,
) -> SearchResult:
    """Find the highest load from `low` to `high` (concurrency, or rate in steps) that keeps an SLO.

    `measure` runs the load once, and may come out either way; what is assumed is that a higher load keeps the SLO no
    more often than a lower one. One measurement at each step of a bisection finds where the limit is about. From there
    loads are measured again and again until each is decided: downwards, in growing steps, to one that holds, upwards
    to one that fails; then the gap is bisected from both sides. Loads that stay undecided after `max_repeats` remain
    as a band between the two.

    A decision is Wald's sequential test of MOSTLY against RARELY on fresh measurements. Its error is at most
    (1 - confidence) / (decisions that a search can take), by Ville's inequality, so that of all decisions together is
    at most 1 - confidence: that `holds` keeps the SLO in no more than RARELY of runs, or `fails` in no fewer than
    MOSTLY. Raises UsageError for bounds that are none.
    """
    if not 0 < low <= high or resolution < 1 or not 0 < confidence < 1 or max_repeats < 1:
        raise UsageError(f"a search from {low} to {high} in steps of {resolution} is not possible")
    judge = _Judge(measure, low, high, resolution, confidence, max_repeats)
    about = _about(judge)
    holds = _gallop(judge, about, LoadVerdict.HOLDS, -1)
    fails = _gallop(judge, about + resolution, LoadVerdict.FAILS, +1)
    if holds is not None:
        holds = _close_in(judge, holds, high if fails is None else fails, LoadVerdict.HOLDS)
    if fails is not None:
        fails = _close_in(judge, fails, low if holds is None else holds, LoadVerdict.FAILS)
    return SearchResult(holds, fails, resolution, confidence, tuple(judge.samples))


class _Judge:
    """Measures, keeps what was measured, and decides on loads."""

    def __init__(
        self,
        measure: Callable[[int], SearchSample],
        low: int,
        high: int,
        resolution: int,
        confidence: float,
        max_repeats: int,
    ) -> None:
        self.low, self.high, self.resolution = low, high, resolution
        self.samples: list[SearchSample] = []
        self._measure, self._max_repeats = measure, max_repeats
        decisions = 4 * (math.ceil(math.log2((high - low) / resolution + 1)) + 1)  # two gallops, two bisections
        self._enough = math.log(decisions / (1 - confidence))
        self._answers: dict[int, LoadVerdict] = {}

    def once(self, load: int) -> bool:
        """Measure a load once."""
        sample = self._measure(load)
        self.samples.append(sample)
        return bool(sample.kept)

    def decide(self, load: int) -> LoadVerdict:
        """Measure a load until it is decided; once only, however often one asks."""
        if load not in self._answers:
            self._answers[load] = self._test(load)
        return self._answers[load]

    def _test(self, load: int) -> LoadVerdict:
        for_holds = for_fails = 0.0  # logarithms of likelihood ratios
        for _ in range(self._max_repeats):
            sample = self._measure(load)
            self.samples.append(sample)
            if sample.kept is None:
                continue
            step = math.log(MOSTLY / RARELY) if sample.kept else math.log((1 - MOSTLY) / (1 - RARELY))
            for_holds, for_fails = for_holds + step, for_fails - step
            if for_holds >= self._enough:
                return LoadVerdict.HOLDS
            if for_fails >= self._enough:
                return LoadVerdict.FAILS
        return LoadVerdict.UNDECIDED


def _about(judge: _Judge) -> int:
    """The highest load that kept the SLO in a plain bisection, one measurement a step."""
    low, high = judge.low, judge.high
    while high - low > judge.resolution:
        middle = (low + high) // 2
        low, high = (middle, high) if judge.once(middle) else (low, middle)
    return low


def _gallop(judge: _Judge, load: int, wanted: LoadVerdict, direction: int) -> int | None:
    """Go on from a load in steps that double until one gets the wanted answer; None: not even the last did."""
    step = judge.resolution
    while True:
        load = min(max(load, judge.low), judge.high)
        if judge.decide(load) is wanted:
            return load
        if load == (judge.low if direction < 0 else judge.high):
            return None
        load += direction * step
        step *= 2


def _close_in(judge: _Judge, known: int, other: int, wanted: LoadVerdict) -> int:
    """Bisect from a load with the wanted answer towards another, and return the last that had it."""
    if judge.decide(other) is wanted:
        return other
    while abs(other - known) > judge.resolution:
        middle = (known + other) // 2
        if judge.decide(middle) is wanted:
            known = middle
        else:
            other = middle
    return known
