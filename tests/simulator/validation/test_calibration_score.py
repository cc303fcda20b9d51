import datetime
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inferbench.evidence.points_csv import Workers
from inferbench.simulator.calibration.conformal_intervals import (
    LEAST,
    UNKNOWN,
    class_intervals,
    conformal,
    with_intervals,
)
from inferbench.simulator.validation.prediction import Prediction
from inferbench.simulator.validation.score import rerun_floor, score, tau
from tests.support.calibration_factories import configured, point


def prediction(factor: float = 1.0, rate: float = 1.0, **changes: Any) -> Prediction:
    own = point(**changes)
    assert own.tpot_s is not None
    assert own.tokens_s_gpu is not None
    return Prediction(own, own.tpot_s * factor, own.tokens_s_gpu * rate, 1.0, 0.5)


def test_scores_of_known_errors() -> None:
    found = score([prediction(f) for f in (1.1, 0.9, 1.2, 1.0, 1.3)], "tpot")
    assert found is not None
    assert found.n == 5
    assert found.mape == 14.0
    assert found.median == 10.0
    assert found.bias == 10.0
    assert found.p90 == pytest.approx(26.0)
    assert found.coverage is None


def test_a_metric_that_was_not_measured_has_no_score() -> None:
    assert score([prediction(ttft_s=None)], "ttft") is None
    some = score([prediction(ttft_s=None), prediction(ttft_s=2.0)], "ttft")
    assert some is not None
    assert (some.n, some.bias) == (1, -50.0)


def test_coverage_counts_points_inside_their_own_interval() -> None:
    half = {"tpot": math.log(1.1)}
    inside, outside = prediction(1.05), prediction(1.2)
    rows = [Prediction(p.point, p.tpot_s, p.tokens_s_gpu, 1.0, 0.5, half_width=half) for p in (inside, outside)]
    found = score(rows, "tpot")
    assert found is not None
    assert (found.coverage, found.half_width) == (50.0, 10.0)


def test_tau_counts_ordered_pairs_and_leaves_ties_out() -> None:
    rows = [prediction(tpot_s=t, line=i) for i, t in enumerate((0.010, 0.0101, 0.02, 0.04))]
    assert tau(rows, "tpot") == 1.0
    upside_down = [Prediction(p.point, 1 / p.tpot_s, p.tokens_s_gpu, 1.0, 0.5) for p in rows]
    assert tau(upside_down, "tpot") == -1.0
    assert tau(rows[:2], "tpot") is None


def test_tau_compares_nothing_across_lengths_or_stacks() -> None:
    rows = [prediction(tpot_s=0.01), prediction(tpot_s=0.02, isl=1024), prediction(tpot_s=0.03, hw="b300")]
    assert tau(rows, "tpot") is None


def test_the_floor_is_the_spread_of_consecutive_repeats() -> None:
    day = datetime.date(2026, 1, 1)
    repeats = configured(
        point(date=day, tpot_s=0.010),
        point(date=day + datetime.timedelta(2), tpot_s=0.011),
        point(date=day + datetime.timedelta(30), tpot_s=0.020),  # too long after
        point(date=day, tpot_s=0.5, concurrency=6),
        point(date=None, kind="median_over_runs", tpot_s=0.5),
    )
    floor = rerun_floor(repeats, "tpot")
    assert floor is not None
    assert (floor.pairs, floor.median) == (1, round(100 * math.log(1.1), 1))
    assert rerun_floor(repeats[:1], "tpot") is None


@pytest.mark.parametrize(("n", "rank"), [(9, 9), (19, 18), (99, 90)])
def test_conformal_quantile(n: int, rank: int) -> None:
    errors = [(e if e % 2 else -e, 1.0) for e in map(float, range(1, n + 1))]
    assert conformal(errors) == rank


def test_conformal_without_errors_is_wide_and_with_few_is_the_largest() -> None:
    assert conformal([]) == UNKNOWN
    assert conformal([(0.1, 1.0), (-0.3, 1.0)]) == 0.3


def test_a_row_of_little_weight_moves_it_little() -> None:
    errors = [(0.1, 1.0)] * 20
    assert conformal([*errors, (5.0, 0.5), (6.0, 0.5)]) == 0.1
    assert conformal([*errors, (5.0, 1.0), (6.0, 1.0), (7.0, 1.0)]) > 1


def test_conformal_covers_what_it_promises() -> None:
    rng = np.random.default_rng(5)
    hits = []
    for _ in range(400):
        sample = rng.standard_t(3, 41)
        hits.append(abs(sample[-1]) <= conformal([(e, 1.0) for e in sample[:-1]]))
    assert np.mean(hits) == pytest.approx(0.9, abs=0.045)


def test_an_interval_comes_from_the_other_parts_alone() -> None:
    rows = [prediction(1.01, line=i) for i in range(20)] + [prediction(1.5, line=i) for i in range(20, 40)]
    parts = [0] * 20 + [1] * 20
    found = with_intervals(rows, parts)
    assert found[0].half_width["tpot"] == pytest.approx(math.log(1.5))
    assert found[-1].half_width["tpot"] == pytest.approx(math.log(1.01))


def test_a_class_with_few_points_takes_the_errors_of_its_stack() -> None:
    many = [prediction(1.2, line=i) for i in range(30)]
    few = [prediction(1.02, decode=Workers(1, 8, 8, 8, True), line=99)]
    found = class_intervals([*many, *few], "b200 dynamo-trtllm", current=True)["fp4"]
    assert (found["tep"].pooled, found["dep"].pooled) == (False, True)
    assert found["dep"].tpot == found["tep"].tpot == 0.2
    assert found["dep"].points == 1


def test_at_equal_interactivity_both_errors_add_up() -> None:
    rows = [prediction(1.1, rate=1 / 1.1, line=i) for i in range(30)]
    assert class_intervals(rows, "b200 dynamo-trtllm", current=True)["fp4"]["tep"].at_interactivity == pytest.approx(
        0.21
    )
    together = [prediction(1.1, rate=1.1, line=i) for i in range(30)]
    own = class_intervals(together, "b200 dynamo-trtllm", current=True)["fp4"]["tep"]
    assert (own.tpot, own.at_interactivity) == (0.1, LEAST)


def test_earlier_software_has_an_interval_of_its_own() -> None:
    today = [prediction(1.1, line=i) for i in range(20)]
    earlier = [replace(prediction(1.4, line=i), current=False) for i in range(20)]
    found = [class_intervals([*today, *earlier], "b200 dynamo-trtllm", current=c)["fp4"]["tep"] for c in (True, False)]
    assert [f.tpot for f in found] == [0.1, 0.4]
    assert class_intervals(earlier, "b200 dynamo-trtllm", current=True)["fp4"]["tep"].tpot == 0.4
