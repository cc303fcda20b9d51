"""Noise between runs is one factor on every time, drawn from the seed."""

import math

import numpy as np
import pytest
from scipy import stats

from inferbench.scenario.scenario import RUN_NOISE, TwinSettings
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.engine.noise import paced, run_factor
from tests.support.twin_factories import GPUS, MODEL, deployment, drive, plan, topology

LOAD = plan(200, 64, isl=(6553, 8192), osl=(819, 1024))


def test_factors_are_log_normal_as_wide_as_asked() -> None:
    logs = np.log([run_factor(seed, f"point.c{c}", 0.02) for seed in range(100) for c in range(40)])
    assert stats.kstest(logs / 0.02, "norm").pvalue > 0.001


def test_a_factor_follows_from_the_seed_and_the_point_alone() -> None:
    assert run_factor(3, "a.b.c8", 0.02) == run_factor(3, "a.b.c8", 0.02)
    assert len({run_factor(seed, key, 0.02) for seed in (1, 2) for key in ("a", "b")}) == 4


def test_no_noise_is_exactly_no_change() -> None:
    cluster = cluster_of(MODEL, GPUS["mi355x"], deployment(), topology())
    assert run_factor(3, "a", 0) == 1
    assert paced(cluster, 1.0) is cluster


def test_the_default_makes_pairs_differ_as_measured_ones_do() -> None:
    logs = np.log([run_factor(seed, "point", RUN_NOISE) for seed in range(8000)])
    pairs = np.abs(logs[::2] - logs[1::2])
    # 4,000 pairs know their median to about 2 %; three times that.
    assert np.median(pairs) == pytest.approx(0.012, rel=0.06)
    assert TwinSettings(half_width=0.1, reason="r").run_noise == RUN_NOISE


@pytest.mark.parametrize("name", ["1p2d-tp8", "1p1d-dep8"])
def test_every_time_of_a_run_is_longer_by_the_factor(name: str) -> None:
    cluster = cluster_of(MODEL, GPUS["mi355x"], deployment(), topology(name))
    factor = 1.05
    (fast, _), (slow, _) = drive(cluster, LOAD), drive(paced(cluster, factor), LOAD)
    for quick, late in zip(fast, slow, strict=True):
        assert quick.seq == late.seq
        # Whole nanoseconds: each of some thousand passes is rounded on its own.
        assert late.end_ns == pytest.approx(factor * quick.end_ns, abs=10_000)
        assert math.isclose(late.sent_ns, factor * quick.sent_ns, rel_tol=1e-6, abs_tol=10_000)
