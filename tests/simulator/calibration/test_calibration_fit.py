"""The fit, the file that it writes, and the validation, on points that the twin made itself with known constants."""

import datetime
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inferbench.errors import FileError
from inferbench.evidence.points_csv import Point, Points, Workers
from inferbench.simulator.calibration.calibrate import calibrate
from inferbench.simulator.calibration.configuration import Configuration, configurations
from inferbench.simulator.calibration.fit import Problem, fit
from inferbench.simulator.calibration.free_parameters import free_parameters_of
from inferbench.simulator.calibration.priors import PRIORS, unfitted, with_block
from inferbench.simulator.calibration.trial_parameters import with_free_parameters
from inferbench.simulator.calibration.write_parameters import write_stacks
from inferbench.simulator.parameters.parameters import PARAMETERS_FILE, TwinParameters, load_parameters
from inferbench.simulator.validation.document import BARS, document
from inferbench.simulator.validation.held_out_splits import SHUFFLES
from inferbench.simulator.validation.prediction import predict
from inferbench.simulator.validation.validate import held_out_predictions, validate
from inferbench.simulator.validation.validate_twin import calibrate_twin
from tests.support.calibration_factories import GPUS, MODEL, measured, point

STACK = "b200 dynamo-trtllm"
DEP4 = Workers(1, 4, 4, 4, True)


def made(z_scale: float = 0.5) -> tuple[list[Configuration], TwinParameters, np.ndarray]:
    """Points at constants that lie `z_scale` spreads from the priors, every other way up and down."""
    bare = [
        point(line=i, concurrency=c, isl=isl, mtp=mtp, prefill=replace(DEP4, workers=p), decode=d, precision="fp4")
        for i, (c, isl, mtp, p, d) in enumerate(
            (c, isl, mtp, p, d)
            for d in (Workers(2, 8, 8, 8, False), Workers(1, 8, 8, 8, True))
            for isl in (1024, 8192)
            for mtp in (False, True)
            for p, c in ((1, 8), (1, 64), (1, 700), (3, 256), (3, 1200))
        )
    ]
    found, reasons = configurations(bare)
    assert not reasons
    base = load_parameters()
    base = with_block(base, STACK, unfitted(base, STACK))
    free_parameters = free_parameters_of(STACK, found, base.stack("b200", "dynamo-trtllm"))
    z = z_scale * np.array([(-1.0) ** i for i in range(len(free_parameters))])
    truth = predict(MODEL, GPUS, found, with_free_parameters(base, STACK, free_parameters, z))
    points = [
        replace(c.point, tpot_s=t.tpot_s, tokens_s_gpu=t.tokens_s_gpu, ttft_s=t.ttft_s)
        for c, t in zip(found, truth, strict=True)
    ]
    return [replace(c, point=p) for c, p in zip(found, points, strict=True)], base, z


@pytest.mark.parametrize("stack", sorted(PRIORS))
def test_what_all_points_gave_does_not_leak_into_a_fit_without_some_of_them(stack: str) -> None:
    base = load_parameters()
    block = base.stack(*stack.split())
    other = base.stack("mi355x", "sglang") if stack != "mi355x sglang" else base.stack("b200", "dynamo-sglang")
    elsewhere = block.model_copy(
        update={
            "decode": other.decode,
            "prefill": other.prefill.model_copy(update={"all_to_all": block.prefill.all_to_all}),
            "eras": other.eras,
        }
    )
    starts = [unfitted(b, stack) for b in (base, with_block(base, stack, elsewhere))]
    assert starts[0].decode == starts[1].decode
    assert starts[0].prefill == starts[1].prefill
    assert starts[0].eras == starts[1].eras == {}


def test_a_fit_finds_the_points_that_known_constants_made() -> None:
    found, base, _ = made()
    problem = Problem(base, MODEL, GPUS["b200"], STACK, found)
    result = fit(problem, starts=1)
    errors = [
        abs(e)
        for p in predict(MODEL, GPUS, found, with_free_parameters(base, STACK, result.free_parameters, result.z))
        for m in ("tpot", "tokens_s_gpu")
        if (e := p.log_error(m)) is not None
    ]
    assert max(errors) < 0.03
    assert np.mean(errors) < 0.006


def test_all_starts_end_at_the_same_place() -> None:
    found, base, _ = made()
    result = fit(Problem(base, MODEL, GPUS["b200"], STACK, found), starts=2)
    assert result.costs[1] == pytest.approx(result.costs[0], rel=0.02)


def test_many_sets_of_constants_at_once_are_the_same_as_one_by_one() -> None:
    found, base, z = made()
    problem = Problem(base, MODEL, GPUS["b200"], STACK, found)
    together = problem.residuals(np.vstack([z, np.zeros(len(z))]))
    assert together[0] == pytest.approx(problem.residuals(z), abs=1e-9)
    assert together[1] == pytest.approx(problem.residuals(np.zeros(len(z))), abs=1e-9)


def test_one_wild_point_does_not_bend_the_fit() -> None:
    found, base, _ = made()
    assert found[0].point.tpot_s is not None
    wild = [replace(found[0], point=replace(found[0].point, tpot_s=10 * found[0].point.tpot_s)), *found[1:]]
    result = fit(Problem(base, MODEL, GPUS["b200"], STACK, wild), starts=1)
    rest = predict(MODEL, GPUS, found[1:], with_free_parameters(base, STACK, result.free_parameters, result.z))
    assert np.median([abs(p.log_error("tpot") or 0.0) for p in rest]) < 0.02


def test_a_constant_that_no_point_shows_stays_at_its_prior() -> None:
    found, base, _ = made()
    tp_only = [c for c in found if c.point.decode.kind == "tep"]
    result = fit(Problem(base, MODEL, GPUS["b200"], STACK, tp_only), starts=1)
    place = next(i for i, k in enumerate(result.free_parameters) if k.path == ("decode", "ep_layer_us"))
    assert result.z[place] == pytest.approx(0, abs=1e-6)
    assert result.spread[place] == pytest.approx(1, abs=1e-3)


def test_calibration_writes_a_file_that_predicts_as_the_fit_does(tmp_path: Path) -> None:
    found, base, _ = made()
    points = Points(tuple(c.point for c in found), {}, {})
    told: list[str] = []
    stacks = calibrate(MODEL, GPUS, points, base, datetime.date(2026, 11, 24), told.append)
    path = tmp_path / "parameters.yaml"
    shutil.copyfile(PARAMETERS_FILE, path)
    write_stacks(path, stacks)
    again = load_parameters(path)
    assert again.all_to_all == base.all_to_all
    assert again.stacks["mi355x"] == base.stacks["mi355x"]
    own = again.stack("b200", "dynamo-trtllm")
    assert own.fit is not None
    assert (own.fit.fitted, own.fit.points) == (datetime.date(2026, 11, 24), len(found))
    assert all(low <= high for low, high in own.fit.ranges.values())
    assert set(own.intervals["fp4"]) == {"tep", "dep"}
    errors = [abs(p.log_error("tpot") or 0.0) for p in predict(MODEL, GPUS, found, again)]
    assert max(errors) < 0.03
    assert told[0].startswith(f"{STACK}: {len(found)} points")


def test_a_parameter_file_without_a_fitted_part_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text("format: 1\n", encoding="utf-8")
    with pytest.raises(FileError, match="needs one line"):
        write_stacks(path, {})


def test_a_parameter_file_that_is_not_there_is_said_before_anything_is_fitted(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        calibrate_twin(tmp_path / "points.csv", tmp_path / "parameters.yaml")
    with pytest.raises(FileError, match="cannot be read"):
        calibrate_twin(tmp_path / "points.csv", tmp_path)


def test_held_out_points_come_from_constants_that_never_saw_them() -> None:
    """One topology measured at half the pace: held out it is missed by that factor, in sample it is not."""
    found, base, _ = made()
    odd = found[0].point.topology
    slow = [
        replace(c, point=replace(c.point, tpot_s=2 * (c.point.tpot_s or 0))) if c.point.topology == odd else c
        for c in found
    ]
    predictions = held_out_predictions(MODEL, GPUS, slow, base, "topology")
    assert len(predictions) == SHUFFLES * len(slow)
    assert sum(p.share for p in predictions) == pytest.approx(len(slow))
    errors = [p.log_error("tpot") or 0.0 for p in predictions if p.point.topology == odd]
    assert np.mean(errors) == pytest.approx(-math.log(2), abs=0.15)


def unpredictable() -> list[Point]:
    return [
        point(line=90, disaggregated=False, prefill=None, framework="vllm"),
        point(line=91, hw="h200"),
        point(line=92, hw="h200"),
    ]


def test_what_cannot_be_predicted_is_a_failure_with_its_reason() -> None:
    points = Points((point(), *unpredictable()), {"blog_table": 2}, {7: "isl must be a number, not '8k'"})
    found = validate(MODEL, GPUS, points, load_parameters(), None)
    assert found.rows == 4 + 2 + 1
    assert found.pooled.points == 1
    assert found.pooled.failures == 4
    reasons = {f.reason: (f.points, f.lines) for f in found.failures}
    assert reasons["twin: NVIDIA H200 has no fp4 arithmetic; use fp8 or bf16"] == (2, (91, 92))
    assert reasons["no constants for b200 vllm-agg"] == (1, (90,))
    assert reasons["isl must be a number, not '8k'"] == (1, (7,))
    assert found.classes["h200 dynamo-trtllm fp4 tep"].failures == 2


def test_a_worker_that_the_weights_do_not_fit_is_a_failure() -> None:
    small = point(line=5, precision="fp8", prefill=Workers(1, 2, 2, 1, False), gpus=42)
    found = validate(MODEL, GPUS, Points((point(), small), {}, {}), load_parameters(), None)
    assert found.pooled.points == 2  # only decode workers keep a KV cache
    small = point(line=5, precision="fp8", decode=Workers(1, 2, 2, 1, False), gpus=6)
    found = validate(MODEL, GPUS, Points((point(), small), {}, {}), load_parameters(), None)
    assert (found.pooled.points, found.pooled.failures) == (1, 1)
    assert "the weights take" in found.failures[0].reason


def test_a_file_with_nothing_to_predict_is_all_failures() -> None:
    found = validate(MODEL, GPUS, Points(tuple(unpredictable()), {}, {}), load_parameters(), "topology")
    assert found.pooled.points == 0
    assert found.pooled.failures == 3
    assert not found.pooled.scores
    assert "not measured" in document({"topology": found})


def test_the_document_holds_every_target() -> None:
    found = validate(MODEL, GPUS, Points((point(),), {}, {}), load_parameters(), None)
    page = document({"frozen": found})
    for bar in BARS:
        assert bar.what in page
    assert page.startswith("# Validation of the twin\n")


def test_frozen_constants_on_the_measured_points() -> None:
    """In-sample, so a floor under regressions and no claim: what the file says of itself is in docs/validation.md."""
    from inferbench.evidence.points_csv import read_points

    found = validate(MODEL, GPUS, read_points(measured()), load_parameters(), None)
    assert found.pooled.scores["tpot"].mape < 9
    assert found.pooled.scores["tokens_s_gpu"].mape < 10
    assert found.pooled.scores["tpot"].mape > 3
    assert found.pooled.points > 450
