"""An ablation: what can be computed by hand is met, effects add up, and bad files are one line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.errors import FileError, InferbenchError
from inferbench.simulator.ablation.ablate_scenario import ablate, load_ablation
from inferbench.simulator.ablation.ablation import How, Measure, Published, PublishedFigure
from inferbench.simulator.ablation.result import AblationResult, FigureAnswer, Modelled
from tests.support.twin_factories import ROOT

FILE = ROOT / "scenarios" / "mori-ablation.yaml"


@pytest.fixture(scope="module")
def result() -> AblationResult:
    return ablate(FILE)


def answers(result: AblationResult, part: str, measure: Measure) -> list[FigureAnswer]:
    return [a for a in result.figures if a.figure.part == part and a.figure.measure is measure]


def test_bytes_are_arithmetic(result: AblationResult) -> None:
    over_bf16, over_fp8 = (a.modelled[0].ratio for a in answers(result, "wire-formats", Measure.BYTES))
    fp4, fp8, bf16 = 7168 / 2 + 7168 / 32, 7168 + 7168 / 128 * 4, 2 * 7168
    assert over_bf16 == pytest.approx(2 * bf16 / (fp4 + fp8)) == pytest.approx(2.56)
    assert over_fp8 == pytest.approx((fp8 + bf16) / (fp4 + fp8)) == pytest.approx(1.94)
    assert (result.exchange.bytes_over_bf16, result.exchange.bytes_over_fp8) == (over_bf16, over_fp8)


def test_fewer_bytes_are_far_less_in_time_and_nothing_at_few_tokens(result: AblationResult) -> None:
    rows = {row.tokens: row for row in result.exchange.rows}
    # The kernels as MoRI measured them at 4,096 tokens: 464 + 867 us in FP8 and BF16, 335 + 770 in FP4 and FP8.
    assert rows[4096].time_over_fp8 == pytest.approx((464 + 867) / (335 + 770), rel=0.01)
    assert rows[4096].time_over_fp8 < 0.65 * result.exchange.bytes_over_fp8
    assert all(row.time_over_fp8 < 1.02 for row in result.exchange.rows if row.tokens <= 128)
    gains = [row.time_over_fp8 for row in result.exchange.rows]
    assert gains == sorted(gains)


def test_what_is_calibrated_comes_out_and_its_sibling_follows(result: AblationResult) -> None:
    """Within half a point: the constants are written with three digits, and a refit moves the passes under them."""
    for part in ("spec-v2", "streaming"):
        (tpot,) = answers(result, part, Measure.TPOT)
        assert tpot.figure.published is not None
        assert tpot.modelled[0].ratio == pytest.approx(tpot.figure.published.low, abs=0.005)
        output = answers(result, part, Measure.OUTPUT)[0].modelled[0].ratio
        # Prefill is not touched, so output gains at most what a token's time loses.
        assert 1 < output <= 1 / tpot.modelled[0].ratio + 1e-9


def test_a_link_that_is_not_full_is_worth_nothing(result: AblationResult) -> None:
    (answer,) = answers(result, "kv-transfer", Measure.REQUESTS)
    assert answer.figure.how is How.PUBLISHED_ONLY
    assert all(1 <= each.ratio < 1.001 for each in answer.modelled)
    assert answer.share is not None
    assert answer.share < 0.01


def test_overlap_hides_no_more_than_there_is(result: AblationResult) -> None:
    (answer,) = answers(result, "two-batch-overlap", Measure.PREFILL)
    ratios = [each.ratio for each in answer.modelled]
    assert all(1 <= ratio < 1.25 for ratio in ratios)
    assert ratios == sorted(ratios)


def test_steps_lead_from_none_to_all(result: AblationResult) -> None:
    for answer in result.weighings:
        first, last = answer.effects[0], answer.effects[-1]
        # The first in turn is the first alone, and the last in turn is what its lack costs.
        assert first.in_turn.tokens_s_gpu == pytest.approx(first.alone * answer.none.tokens_s_gpu)
        before = answer.effects[-2].in_turn
        assert last.in_turn.tokens_s_gpu == pytest.approx(last.missing * before.tokens_s_gpu)
        assert last.in_turn.tpot_ms == pytest.approx(last.missing_tpot * before.tpot_ms)


def test_pure_tensor_parallelism_has_no_use_for_the_parts_of_expert_parallelism(result: AblationResult) -> None:
    effects = {effect.part.name: effect for effect in result.weighings[0].effects}
    for name in ("wire-formats", "two-batch-overlap", "sdma"):
        assert effects[name].alone == effects[name].missing == 1
    assert effects["expert-kernels"].missing > 1
    assert effects["spec-v2"].missing > 1


def test_the_share_is_of_the_effect_and_at_the_nearest_load() -> None:
    figure = load_ablation(FILE).figures[0]

    def share(low: float, high: float, *ratios: float) -> float | None:
        own: PublishedFigure = figure.model_copy(update={"published": Published(low=low, high=high)})
        return FigureAnswer(figure=own, modelled=tuple(Modelled(load=1, ratio=r) for r in ratios)).share

    assert share(1.1, 1.1, 1.05) == pytest.approx(0.5)
    assert share(0.8, 0.8, 0.9) == pytest.approx(0.5)
    assert share(1.18, 1.23, 1.2) == pytest.approx(1)
    assert share(1.18, 1.23, 1.09) == pytest.approx(0.5)
    assert share(1.1, 1.1, 1.0, 1.08, 1.3) == pytest.approx(0.8)


def change(content: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**content, **keys}


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (lambda c: change(c, parts=[{**c["parts"][0], "without": {"kv_transport": "nixl"}}, *c["parts"][1:]]),
         "part kv-transfer: without.kv_transport"),
        (lambda c: change(c, parts=[{**c["parts"][0], "without": {"kv_transfer": "rdma"}}, *c["parts"][1:]]),
         "part kv-transfer: without.kv_transfer"),
        (lambda c: change(c, parts=[c["parts"][0], *c["parts"]]), "two parts are named 'kv-transfer'"),
        (lambda c: change(c, figures=[{**c["figures"][0], "part": "mori"}]), "part 'mori' is not there; use"),
        (lambda c: change(c, figures=[{**c["figures"][0], "topology": "9p9d"}]), "topology '9p9d' is not there"),
        (lambda c: change(c, figures=[{**c["figures"][0], "measure": "prefill"}]), "needs tokens_per_rank"),
        (lambda c: change(c, figures=[{**c["figures"][0], "published": {"low": 2, "high": 1}}]), "low 2.0 is above"),
        (lambda c: change(c, model="deepseek-r2"), "unknown model 'deepseek-r2'"),
        (lambda c: change(c, exchange_deployment="x"), "deployment 'x' is not there"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_line(tmp_path: Path, broken: Any, expected: str) -> None:
    path = tmp_path / "ablation.yaml"
    path.write_text(yaml.safe_dump(broken(yaml.safe_load(FILE.read_text(encoding="utf-8")))), encoding="utf-8")
    with pytest.raises(FileError) as caught:
        load_ablation(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stack_without_published_costs_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for deployment in content["deployments"]:
        deployment["gpu"] = "b200"
    path = tmp_path / "ablation.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(InferbenchError, match="b200"):
        ablate(path)
