"""Tables say what the values say, each figure under the right heading."""

from __future__ import annotations

import pytest

from inferbench.comparison.verdict import Outcome
from inferbench.metrics.failure_kinds import by_kind
from inferbench.metrics.summary import Basis, EnergySummary, Origin, PointSummary
from inferbench.numerals import significant, usd
from inferbench.render.table import Column, Table
from inferbench.runs.report.notices import live_notice
from inferbench.runs.report.sweep_tables import bench_table, live_table, sweep_table
from inferbench.runs.report.verdict_tables import conclusions_table, verdict_matrix
from inferbench.runs.report.view import RunView
from tests.support.report_factories import bench_view, live_result, run_view
from tests.support.report_points import late, summary

VIEW = run_view(live=live_result())


def cell(table: Table, row: int, heading: str) -> str:
    return table.rows[row][[column.heading for column in table.columns].index(heading)]


def test_a_row_with_too_few_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells for 2 columns"):
        Table("t", (Column("a"), Column("b")), (("1", "2"), ("1",)))


def test_conclusions_give_each_deployment_under_the_headline() -> None:
    table = conclusions_table(VIEW)
    assert len(table.rows) == len(VIEW.conclusions) == 7
    for row, conclusion in enumerate(VIEW.conclusions):
        verdict = next(v for v in conclusion.verdicts if (v.book, v.tier) == ("inferencex-2026-09", "hyperscaler"))
        assert cell(table, row, "operating point") == conclusion.operating_point.name
        assert cell(table, row, "outcome") == conclusion.outcome.value
        for priced in verdict.readings:
            short = VIEW.short[priced.reading.deployment]
            assert cell(table, row, f"{short} tok/s/GPU") == significant(priced.reading.tput_per_gpu)
            assert cell(table, row, f"{short} $/Mtok") == usd(priced.usd_per_mtok)


def test_an_unreachable_point_says_so() -> None:
    points = tuple(p.model_copy(update={"interactivity": 190.0}) for p in VIEW.scenario.operating_points[:1])
    view = run_view(VIEW.scenario.model_copy(update={"operating_points": points}))
    table = conclusions_table(view)
    assert cell(table, 0, "b200-sglang tok/s/GPU") == cell(table, 0, "b200-sglang $/Mtok") == "not reached"
    assert cell(table, 0, "trtllm $/Mtok").startswith("$")


def test_the_matrix_marks_what_is_decided() -> None:
    table = verdict_matrix(VIEW)
    assert len(table.rows) == 8
    assert len(table.columns) == 2 + 7
    seen = set()
    for row in table.rows:
        for conclusion, text in zip(VIEW.conclusions, row[2:], strict=True):
            verdict = VIEW.verdict(conclusion, row[0], row[1])
            assert text.startswith(VIEW.short[verdict.cheapest])
            assert f"{verdict.ratio:.2f}" in text or verdict.ratio < 1.005
            assert text.endswith("✓" if verdict.outcome is Outcome.CHEAPER else "?")
            seen.add(verdict.outcome)
    assert seen == {Outcome.CHEAPER, Outcome.UNDECIDED}, "the view must hold both"


def test_the_sweep_shows_the_basis_and_the_window_beside_it() -> None:
    table = sweep_table(VIEW)
    assert len(table.rows) == len(VIEW.summaries)
    for row, point in enumerate(VIEW.summaries):
        assert cell(table, row, "whole_run tput tok/s/GPU") == significant(point.whole_run.throughput.tput_per_gpu)
        window = point.window and point.window.throughput.tput_per_gpu
        assert cell(table, row, "window tput tok/s/GPU") == significant(window)
        assert cell(table, row, "TTFT p99 ms") == significant(point.whole_run.ttft_ms.p99)
        assert (cell(table, row, "basis"), cell(table, row, "origin")) == ("whole_run", "simulated")


def test_a_sweep_point_without_figures_has_dashes() -> None:
    empty = VIEW.summaries[0].model_copy(update={"whole_run": None, "window": None, "partial": True})
    table = sweep_table(RunView(VIEW.manifest, VIEW.scenario, (empty,), {}, (), (), None))
    assert cell(table, 0, "TTFT p50 ms") == cell(table, 0, "whole_run tput tok/s/GPU") == "-"
    assert cell(table, 0, "state") == "partial"


def with_energy(valid: bool) -> PointSummary:
    energy = EnergySummary(
        origin=Origin.MEASURED, source="a meter", joules_total=2e6, joules_per_output_token=7.25,
        mean_power_w_per_gpu=512.0, valid=valid, reasons=() if valid else ("a gap of 5 s",),
    )  # fmt: skip
    return VIEW.summaries[0].model_copy(update={"energy": energy})


def test_energy_is_shown_where_it_is_known_and_never_where_it_is_invalid() -> None:
    shown = (VIEW.summaries[0], with_energy(valid=True), with_energy(valid=False))
    table = sweep_table(RunView(VIEW.manifest, VIEW.scenario, shown, {}, (), (), None))
    assert [cell(table, row, "energy J/output token") for row in range(3)] == ["-", "7.25", "INVALID"]
    assert "mean power" not in {row[0] for row in bench_table(shown[0]).rows}
    assert ("mean power", "W/GPU", "512", "-") in bench_table(shown[1]).rows
    assert "measured (a meter)" in bench_table(shown[1]).note
    assert "mean power" not in {row[0] for row in bench_table(shown[2]).rows}
    assert "INVALID: a gap of 5 s" in bench_table(shown[2]).note


def test_the_live_leg_gives_errors_and_marks_what_is_invalid() -> None:
    table = live_table(VIEW)
    assert [row[0] for row in table.rows] == ["64", "256", "512", "1,024", "2,048"]
    assert table.rows[0][-1] == "valid"
    assert table.rows[-1][-1] == "INVALID"
    assert table.note.count("INVALID") == 0
    notice = live_notice(VIEW)
    assert notice is not None
    assert "2,048 streams: loop lag p99 of 61 ms is above 10 ms. What helps: --workers 2. The verdicts" in notice.text
    assert cell(table, 4, "TTFT error") == f"{VIEW.live.steps[4].ttft_error:+.1%}"


def test_bench_shows_both_bases_side_by_side() -> None:
    one = bench_view().summaries[0]
    rows = {row[0]: row[2:] for row in bench_table(one).rows}
    assert rows["total_tput"] == tuple(significant(one.on(b).throughput.total_tput) for b in Basis)
    assert rows["TTFT p99"] == tuple(significant(one.on(b).ttft_ms.p99) for b in Basis)
    assert "640 of 640 requests succeeded (valid)" in bench_table(one).note


def test_bench_without_a_window_says_why() -> None:
    point = VIEW.summaries[0].point
    assert point.concurrency == 1
    table = bench_table(summary(point, origin=Origin.MEASURED, client=late()))
    assert {row[3] for row in table.rows} == {"-"}
    assert "No steady-state window: one wave has no steady state." in table.note
    assert "10 of 10 requests succeeded (INVALID)" in table.note


def test_failures_stand_in_the_table_by_kind() -> None:
    failures = by_kind([("error", f"HTTP 500: request {n}-a was lost") for n in range(1200)] + [("timeout", "x " * 60)])
    shown = bench_view().summaries[0].model_copy(update={"failures": failures})
    assert bench_table(shown).rows[-2:] == (
        ("failed: HTTP 500: request … was lost", "requests", "1,200", "-"),
        (f"failed: timeout: {'x ' * 19}…", "requests", "1", "-"),
    )


@pytest.mark.parametrize("origin", list(Origin))
def test_titles_say_simulated_exactly_where_it_is(origin: Origin) -> None:
    view = run_view(origin=origin)
    for table in (conclusions_table(view), verdict_matrix(view), sweep_table(view)):
        assert ("simulated" in table.title) == (origin is Origin.SIMULATED)
