"""An ablation as tables, charts and a page; names from a file are never markup; and a browser draws it, offline."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest

from inferbench.render.terminal import render
from inferbench.simulator.ablation.ablate_scenario import ablate
from inferbench.simulator.ablation.figures import ablation_charts
from inferbench.simulator.ablation.page import render_ablation
from inferbench.simulator.ablation.result import AblationResult
from inferbench.simulator.ablation.tables import ablation_tables, change, figure_table, sentences
from tests.support.browsers import needs_browser
from tests.support.report_browser import assert_drawn_offline


@pytest.fixture(scope="module")
def result() -> AblationResult:
    return ablate()


@pytest.mark.parametrize("width", [80, 140])
def test_tables_fit_a_terminal(result: AblationResult, width: int) -> None:
    for table in ablation_tables(result):
        assert max(len(row) for row in render(table, width, color=False).splitlines()) <= width


def test_every_figure_says_how_it_was_got_and_under_what_condition(result: AblationResult) -> None:
    rows = figure_table(result).rows
    for row, sentence, answer in zip(rows, sentences(result), result.figures, strict=True):
        assert row[4] == answer.figure.how.value
        assert answer.figure.condition in sentence
        assert answer.figure.remark in sentence
    by_title = {row[0]: row for row in rows}
    assert by_title["MoRI-IO over Mooncake, requests/s"][1:5] == ("+10.1%", "+0.0%", "0%", "published only")
    assert by_title["FlyDSL, FusedMoE time"][1:5] == ("up to 1.60x", "goes in", "-", "published only")
    assert by_title["bytes a token, over FP8 and BF16"][1:5] == ("none", "1.94x", "-", "derived")


def test_a_change_too_small_to_show_has_no_sign_of_its_own() -> None:
    assert change(1 - 1e-7) == change(1 + 1e-7) == "+0.0%"
    assert change(0.84) == "-16.0%"


def test_the_waterfall_ends_where_all_parts_are_on(result: AblationResult) -> None:
    for chart, answer in zip(ablation_charts(result), result.weighings, strict=False):
        (bars,) = chart.figure.data
        assert list(bars.measure) == ["absolute", *["relative"] * len(answer.effects), "total"]
        levels = list(accumulate(bars.x[:-1]))
        expected = [answer.none, *(effect.in_turn for effect in answer.effects)]
        assert levels == pytest.approx([state.tokens_s_gpu for state in expected])


def test_names_from_the_file_are_never_markup(result: AblationResult) -> None:
    evil = "</script><script>alert(1)</script>"
    effect = result.weighings[0].effects[0]
    renamed = effect.model_copy(update={"part": effect.part.model_copy(update={"title": evil})})
    weighing = result.weighings[0].model_copy(update={"effects": (renamed, *result.weighings[0].effects[1:])})
    page = render_ablation(result.model_copy(update={"title": evil, "weighings": (weighing,)}))
    assert evil not in page


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [400, 1280])
def test_a_browser_draws_it_offline(result: AblationResult, tmp_path: Path, width: int) -> None:
    file = tmp_path / "ablation.html"
    file.write_text(render_ablation(result), encoding="utf-8")
    assert assert_drawn_offline(file, width) == [f"data-{chart.key}" for chart in ablation_charts(result)]
