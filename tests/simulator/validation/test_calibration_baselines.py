"""Baselines on points whose figures follow laws that we know, and no leak from what is scored."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from inferbench.cli.twin.twin import app
from inferbench.errors import UsageError
from inferbench.evidence.points_csv import Point, Points, Workers
from inferbench.simulator.parameters.parameters import load_parameters
from inferbench.simulator.validation.baselines import BaselineScores, baselines, boosted, class_mean, nearest
from tests.support.calibration_factories import GPUS, MODEL, point, write


def law(concurrency: int, workers: int) -> Point:
    """TPOT grows with the root of the load of a worker, throughput with the load of a GPU."""
    gpus = 4 + 8 * workers
    return point(
        concurrency=concurrency, decode=Workers(workers, 8, 8, 8, False), gpus=gpus,
        tpot_s=0.005 * (concurrency / workers) ** 0.5, tokens_s_gpu=40.0 * concurrency / gpus,
    )  # fmt: skip


TRAIN = [law(c, w) for c in (8, 16, 32, 64, 128, 256) for w in (1, 2, 4, 5)]
ASKED = [law(c, 3) for c in (8, 16, 32, 64, 128, 256)]
LOGS = {
    "tpot": np.log([p.tpot_s for p in TRAIN if p.tpot_s is not None]),
    "tokens_s_gpu": np.log([p.tokens_s_gpu for p in TRAIN if p.tokens_s_gpu is not None]),
}


def scored(points: list[Point], train: list[Point]) -> dict[str, BaselineScores]:
    found = baselines(MODEL, GPUS, Points(tuple(points), {}, {}), Points(tuple(train), {}, {}), load_parameters())
    return {each.name: each for each in found}


def test_a_neighbour_that_is_the_point_itself_is_right() -> None:
    found = nearest(TRAIN, LOGS, TRAIN)
    assert all((found[metric] == LOGS[metric]).all() for metric in LOGS)


def test_a_neighbour_is_of_the_same_stack_wherever_there_is_one() -> None:
    twin = point(hw="mi355x", framework="sglang", concurrency=ASKED[0].concurrency)
    far = law(4096, 1)
    assert nearest([twin, far], {"tpot": np.array([1.0, 2.0])}, [ASKED[0]])["tpot"] == [2.0]


def test_the_class_mean_falls_back_from_lengths_to_class_to_stack_to_nothing() -> None:
    train = [point(), point(isl=1024), point(precision="fp8")]
    logs = {"tpot": np.array([1.0, 2.0, 6.0])}
    asked = [point(), point(osl=99), point(decode=Workers(1, 8, 8, 8, True)), point(hw="h100")]
    found = class_mean(train, logs, asked)["tpot"]
    assert found[:3].tolist() == [1.0, 1.5, 3.0]
    assert np.isnan(found[3])


def test_boosting_learns_a_law_that_a_mean_cannot() -> None:
    truth = np.log([p.tpot_s for p in ASKED if p.tpot_s is not None])
    learnt, mean = (np.abs(model(TRAIN, LOGS, ASKED)["tpot"] - truth).mean() for model in (boosted, class_mean))
    assert learnt < 0.15 < 0.4 < mean


def test_a_topology_that_is_scored_is_never_learnt_from() -> None:
    found = scored(ASKED, [*TRAIN, *ASKED])
    assert found["nearest neighbour"].trained == len(TRAIN)
    assert found["nearest neighbour"].scores["tpot"].mape > 1
    with pytest.raises(UsageError, match="nothing may be learnt"):
        scored(ASKED, ASKED)


def test_a_roofline_is_faster_than_any_machine() -> None:
    """Its TPOT is too low and its throughput too high for figures that the twin itself made on a real machine."""
    real = [point(tpot_s=0.0125, tokens_s_gpu=1000.0)]
    found = scored(real, [law(8, 1)])["roofline"]
    assert found.trained == 0
    assert found.scores["tpot"].bias < -30
    assert found.scores["tokens_s_gpu"].bias > 30


def test_the_command_prints_them_beside_the_twin(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.csv", {"conc": "10"}, {"conc": "60"})
    train = write(tmp_path / "train.csv", *({"conc": str(c), "isl": "1024"} for c in (10, 20, 60)))
    result = CliRunner().invoke(
        app, ["validate", "--points", str(asked), "--train", str(train)], catch_exceptions=False
    )
    for name in ("nearest neighbour | 3", "class mean | 3", "gradient boosting | 3", "roofline | nothing"):
        assert f"| {name} | 0 |" in result.stdout
