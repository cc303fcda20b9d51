import datetime
from typing import Literal

import pytest

from inferbench.evidence.points_csv import Workers
from inferbench.simulator.validation.held_out_splits import KEYS, folds
from tests.support.calibration_factories import measured_points, point

POINTS = [
    point(line=i, concurrency=c, isl=isl, decode=Workers(workers, 8, 8, 8, False), date=datetime.date(2026, 1, day))
    for i, (c, isl, workers, day) in enumerate(
        (c, isl, workers, day) for workers in range(1, 8) for isl in (1024, 8192) for c in (6, 60) for day in (1, 2)
    )
]


@pytest.mark.parametrize("split", ["topology", "shape", "lengths", "backend"])
def test_each_point_is_held_out_once_and_its_repeats_with_it(
    split: Literal["topology", "shape", "lengths", "backend"],
) -> None:
    parts = [held for _, held in folds(POINTS, split)]
    assert sorted(i for held in parts for i in held) == list(range(len(POINTS)))
    for held in parts:
        inside = {KEYS[split](POINTS[i]) for i in held}
        outside = {KEYS[split](p) for i, p in enumerate(POINTS) if i not in held}
        assert not inside & outside


def test_lengths_are_held_out_one_by_one() -> None:
    assert {name for name, _ in folds(POINTS, "lengths")} == {"1024 1024", "8192 1024"}


def test_the_parts_depend_on_the_seed_alone() -> None:
    assert list(folds(POINTS, "topology", 3)) == list(folds(POINTS, "topology", 3))
    assert list(folds(POINTS, "topology", 3)) != list(folds(POINTS, "topology", 4))


def test_no_measured_topology_is_on_both_sides() -> None:
    points = measured_points()
    for _, held in folds(points, "topology"):
        inside = {points[i].topology for i in held}
        assert not inside & {p.topology for i, p in enumerate(points) if i not in set(held)}
