"""Stacks and their relatives, on points that the twin made itself; and the comparison with the event simulation."""

import statistics
from dataclasses import replace

from inferbench.evidence.points_csv import Point, Points, Workers
from inferbench.simulator.calibration.configuration import Configuration, configurations
from inferbench.simulator.calibration.family import Family
from inferbench.simulator.calibration.priors import PARENTS, PRIORS, family_of, seeded
from inferbench.simulator.parameters.parameters import load_parameters
from inferbench.simulator.validation.agreement import agreements, sample
from inferbench.simulator.validation.document import agreement_table, document
from inferbench.simulator.validation.prediction import predict
from inferbench.simulator.validation.validate import validate
from inferbench.simulator.validation.validate_twin import simulate
from tests.support.calibration_factories import GPUS, MODEL, point

BASE = seeded(load_parameters())


def servers(hw: str, framework: str, slower: float = 1.0) -> list[Configuration]:
    """Aggregated servers as the parameter file has them, each pass `slower` times as long."""
    bare: list[Point] = [
        point(
            line=i, hw=hw, framework=framework, precision="fp8", disaggregated=False, prefill=None, concurrency=c,
            decode=Workers(1, 8, 8, 1, False), gpus=8, isl=isl,
        )
        for i, (c, isl) in enumerate((c, isl) for c in (4, 16, 64) for isl in (1024, 8192))
    ]  # fmt: skip
    found, reasons = configurations(bare)
    assert not reasons
    truth = predict(MODEL, GPUS, found, BASE)
    return [
        replace(
            c,
            point=replace(
                c.point,
                tpot_s=slower * t.tpot_s,
                tokens_s_gpu=t.tokens_s_gpu / slower,
                ttft_s=slower * t.ttft_s,
            ),
        )
        for c, t in zip(found, truth, strict=True)
    ]


def test_every_chain_of_first_parents_ends_at_kernel_tables() -> None:
    for start in PARENTS:
        stack, steps = start, 0
        while stack not in PRIORS:
            stack, steps = PARENTS[stack][0], steps + 1
            assert steps < len(PARENTS)
        assert family_of(start) in PRIORS


def test_stacks_that_are_each_others_relatives_need_no_third() -> None:
    training = servers("mi355x", "sglang") + servers("mi355x", "atom")
    family = Family(MODEL, GPUS, training, BASE)
    assert family.parameters("mi355x sglang") is not None
    assert family.parameters("mi300x sglang-agg") is not None
    assert family.parameters("b200 trtllm-agg") is None


def test_a_stack_without_points_lies_between_its_relatives() -> None:
    training = servers("mi355x", "sglang") + servers("mi325x", "sglang", slower=2.0)
    family = Family(MODEL, GPUS, training, BASE)
    scales = {}
    for gpu in ("mi300x", "mi325x", "mi355x"):
        found = family.parameters(f"{gpu} sglang-agg")
        assert found is not None
        scales[gpu] = found.stacks[gpu]["sglang-agg"].decode.class_scale["fp8"].tp
    assert scales["mi325x"] > 1.1 * scales["mi355x"]
    assert scales["mi355x"] < scales["mi300x"] < scales["mi325x"]


def test_a_fit_that_starts_from_a_relative_goes_to_its_own_points() -> None:
    relatives, own = servers("mi355x", "sglang"), servers("mi325x", "sglang", slower=1.15)
    errors = []
    for training in (relatives, relatives + own):
        found = Family(MODEL, GPUS, training, BASE).parameters("mi325x sglang-agg")
        assert found is not None
        errors.append([abs(p.log_error("tpot") or 0.0) for p in predict(MODEL, GPUS, own, found)])
    without, fitted = errors
    assert statistics.mean(without) > 0.15
    assert statistics.mean(fitted) < 0.03
    assert max(fitted) < 0.06, "a point's own noise, within which the prior holds"


def test_the_sample_has_each_class_at_several_loads() -> None:
    found = servers("b200", "sglang") + servers("h200", "trtllm")
    chosen = sample(found, 2)
    assert sorted((c.point.stack, c.point.concurrency) for c in chosen) == [
        ("b200 sglang-agg", 16), ("b200 sglang-agg", 64), ("h200 trtllm-agg", 16), ("h200 trtllm-agg", 64),
    ]  # fmt: skip


def test_the_steady_state_is_compared_with_the_simulation() -> None:
    found = agreements(MODEL, GPUS, sample(servers("b200", "sglang"), 2), BASE, simulate)
    assert len(found) == 2
    for a in found:
        assert abs(a.tpot) < 0.03
        assert abs(a.rate) < 0.03
        assert a.tpot != 0
    table = agreement_table(found)
    assert table.splitlines()[-1].startswith("| b200 sglang-agg | 2 |")
    page = document({"frozen": validate(MODEL, GPUS, Points((point(),), {}, {}), BASE, None)}, found)
    assert table in page
