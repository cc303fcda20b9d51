"""The search on servers whose truth is known."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest

from inferbench.errors import UsageError
from inferbench.metrics.summary import PointSummary
from inferbench.runs.bench.bisection import MOSTLY, RARELY, SearchResult, SearchSample, sample_of, search
from tests.support.factories import point_summary


def server(chance: Callable[[int], float], seed: int = 0) -> Callable[[int], SearchSample]:
    """A server that keeps its SLO with a chance that depends on the load."""
    rng = random.Random(seed)
    return lambda load: SearchSample(load, rng.random() < chance(load))


@pytest.mark.parametrize("limit", [1, 2, 3, 100, 511, 512, 1023])
def test_without_noise_the_limit_is_found_exactly(limit: int) -> None:
    found = search(server(lambda load: float(load <= limit)), 1, 1024)
    assert (found.holds, found.fails, found.decided) == (limit, limit + 1, True)
    # 10 steps of bisection, then two loads with the repeats that a decision of 1 - 0.05/44 takes.
    assert len(found.samples) <= 10 + 2 * math.ceil(math.log(44 / 0.05) / math.log(9)) + 8


@pytest.mark.parametrize(("limit", "holds", "fails"), [(0, None, 4), (10_000, 64, None)])
def test_a_limit_outside_the_bounds_is_said_to_be(limit: int, holds: int | None, fails: int | None) -> None:
    found = search(server(lambda load: float(load <= limit)), 4, 64)
    assert (found.holds, found.fails, found.decided) == (holds, fails, False)


def test_one_load_is_a_search_too() -> None:
    assert search(server(lambda load: 1.0), 8, 8).holds == 8
    assert search(server(lambda load: 0.0), 8, 8).fails == 8


def test_the_resolution_is_kept() -> None:
    found = search(server(lambda load: float(load <= 777)), 1, 4096, resolution=32)
    assert found.holds is not None
    assert found.fails is not None
    assert found.holds <= 777 < found.fails
    assert found.fails - found.holds <= 32
    assert all(n <= 12 for n in Counter(sample.load for sample in found.samples).values())


def softly(load: int, limit: float = 300, width: float = 10) -> float:
    """A chance that falls from 1 to 0 around the limit: RARELY and MOSTLY lie `width` times ln 9 from it."""
    return 1 / (1 + math.exp((load - limit) / width))


def test_the_error_is_within_its_bound() -> None:
    """Of 400 searches at confidence 0.8, at most a fifth may claim too much; three standard errors on top."""
    found = [search(server(softly, seed), 1, 1024, confidence=0.8) for seed in range(400)]
    wrong = sum(map(claims_too_much, found))
    assert wrong <= 400 * 0.2 + 3 * math.sqrt(400 * 0.2 * 0.8)
    assert sum(result.decided for result in found) < 200  # the band of the undecided is 44 loads wide
    gaps = sorted(r.fails - r.holds for r in found if r.holds is not None and r.fails is not None)
    assert len(gaps) > 390
    assert gaps[len(gaps) // 2] < 2 * 10 * math.log(9) * 1.5


def claims_too_much(result: SearchResult) -> bool:
    too_high = result.holds is not None and softly(result.holds) <= RARELY
    too_low = result.fails is not None and softly(result.fails) >= MOSTLY
    return too_high or too_low


def test_noise_far_from_the_limit_does_not_mislead() -> None:
    """One measurement in twenty is wrong everywhere, so bisection alone would go astray in most searches."""
    limit = 700
    found = [search(server(lambda load: 0.95 if load <= limit else 0.05, seed), 1, 1024) for seed in range(200)]
    exact = sum((result.holds, result.fails) == (limit, limit + 1) for result in found)
    wrong = sum((r.holds or 0) > limit or (r.fails or 10_000) <= limit for r in found)
    assert wrong <= 200 * 0.05
    assert exact > 150


def test_a_load_between_holding_and_failing_stays_undecided() -> None:
    def chance(load: int) -> float:
        return 1.0 if load < 40 else 0.5 if load <= 60 else 0.0

    found = search(server(chance), 1, 100)
    assert found.holds is not None
    assert found.fails is not None
    assert 39 <= found.holds <= found.fails <= 61
    assert not found.decided


def test_measurements_that_are_not_believed_decide_nothing() -> None:
    found = search(lambda load: SearchSample(load, None), 1, 16)
    assert (found.holds, found.fails) == (None, None)


@pytest.mark.parametrize("bounds", [(0, 4), (5, 4)])
def test_bounds_that_are_none_are_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="not possible"):
        search(server(lambda load: 1.0), *bounds)


def summarised(fraction: float | None, **more: str) -> PointSummary:
    summary = point_summary(**more)  # type: ignore[arg-type]
    assert summary.whole_run is not None
    throughput = summary.whole_run.throughput.model_copy(update={"goodput_fraction": fraction})
    return summary.model_copy(update={"whole_run": summary.whole_run.model_copy(update={"throughput": throughput})})


def test_a_run_is_judged_by_its_goodput() -> None:
    assert sample_of(8, summarised(0.995)).kept is True
    missed = sample_of(8, summarised(0.97))
    assert (missed.kept, missed.note) == (False, "97.0% of requests kept the SLO, 99.0% are asked for")
    assert sample_of(8, summarised(0.97), least=0.9).kept is True
    assert sample_of(8, summarised(1.0, invalid="late")).kept is None
    assert sample_of(8, point_summary().model_copy(update={"whole_run": None})).kept is False
    with pytest.raises(ValueError, match="without a goodput SLO"):
        sample_of(8, summarised(None))
