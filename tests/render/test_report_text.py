"""Tables as terminal text and as Markdown, runs as JSON."""

from __future__ import annotations

import re

import orjson
import pytest
from rich.cells import cell_len

from inferbench.render import markdown, terminal
from inferbench.render.table import Column, Table
from inferbench.runs.report.json_results import to_json
from inferbench.runs.report.sweep_tables import bench_table, live_table, sweep_table
from inferbench.runs.report.verdict_tables import conclusions_table, verdict_matrix
from inferbench.store.tables import runs_table
from tests.support.report_factories import bench_view, live_result, run_view

VIEW = run_view(live=live_result())
TABLES = [
    conclusions_table(VIEW),
    verdict_matrix(VIEW),
    sweep_table(VIEW),
    live_table(VIEW),
    bench_table(bench_view().summaries[0]),
]
IDS = ["conclusions", "matrix", "sweep", "live", "bench"]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
@pytest.mark.parametrize("table", TABLES, ids=IDS)
def test_no_line_is_wider_than_asked(table: Table, width: int) -> None:
    for color in (False, True):
        lines = ANSI.sub("", terminal.render(table, width, color=color)).splitlines()
        assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("table", TABLES, ids=IDS)
def test_no_number_is_broken_or_lost(table: Table, width: int) -> None:
    """Each word of each cell whose column is shown stands in the text, as often as in the table at least."""
    text = terminal.render(table, width, color=False)
    left_out = text.partition("Left out at this width: ")[2].replace("\n", " ")
    shown = [i for i, column in enumerate(table.columns) if column.heading not in left_out]
    assert len(shown) >= 4
    words = text.split()
    for row in table.rows:
        for index in shown:
            for word in row[index].split():
                assert word in words, f"{word} of {table.columns[index].heading}"


def test_narrow_places_lose_columns_by_priority_and_say_so() -> None:
    columns = (Column("key"), Column("first to go", priority=2), Column("second", priority=1), Column("kept"))
    table = Table("t", columns, (("k" * 15, "a" * 15, "b" * 15, "c" * 15),))
    assert "Left out" not in terminal.render(table, 80, color=False)
    narrower = terminal.render(table, 50, color=False)
    assert "Left out at this width: first to go." in narrower
    assert "b" * 15 in narrower
    narrowest = terminal.render(table, 40, color=False)
    assert "Left out at this width: first to go, second." in " ".join(narrowest.split())
    assert "c" * 15 in narrowest


def test_what_may_not_be_left_out_goes_into_further_blocks_with_the_keys_again() -> None:
    columns = tuple(Column(name) for name in ("key", "p", "q", "r"))
    text = terminal.render(Table("t", columns, (tuple(c * 15 for c in "kpqr"),)), 40, color=False)
    assert text.count("k" * 15) == 3
    assert all(c * 15 in text for c in "pqr")


def test_plain_text_has_no_codes_and_coloured_text_has() -> None:
    table = conclusions_table(VIEW)
    assert "\x1b" not in terminal.render(table, 80, color=False)
    assert "\x1b[" in terminal.render(table, 80, color=True)


def test_the_environment_does_not_change_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    before = terminal.render(TABLES[0], 80)
    for name, value in {"COLUMNS": "33", "NO_COLOR": "1", "TERM": "dumb", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert terminal.render(TABLES[0], 80) == before


def test_names_in_brackets_are_text_and_not_console_markup() -> None:
    table = Table("[red]t[/red]", (Column("a", align="left"),), (("[bold]x[/bold]",), ("[/nothing]",)))
    text = terminal.render(table, 80, color=False)
    assert all(word in text for word in ("[red]t[/red]", "[bold]x[/bold]", "[/nothing]"))


def test_markdown_has_a_line_per_row_and_the_alignment() -> None:
    table = conclusions_table(VIEW)
    lines = [line for line in markdown.render(table).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(table.rows)
    assert {line.count(" | ") for line in lines} == {len(table.columns) - 1}
    assert lines[1].split(" | ")[1] == "---:"


def test_markdown_escapes_what_would_be_markup() -> None:
    hostile = "a|b <script>alert(1)</script> *c* _d_ `e` [f](g) \\ \nh"
    rendered = markdown.render(Table("t|<b>", (Column("x|y"),), ((hostile,),), note="<i>"))
    row = rendered.splitlines()[4]
    assert re.sub(r"\\.", "", row).count("|") == 2, "only the two at the ends delimit"
    assert "<" not in rendered
    assert r"\*c\* \_d\_ \`e\` \[f\](g) \\ h" in row


def test_json_is_byte_identical_for_equal_views() -> None:
    assert to_json(run_view(live=live_result())) == to_json(run_view(live=live_result()))
    assert to_json(run_view(live=live_result())) != to_json(run_view(live=live_result(invalid_from=None)))


def test_json_holds_the_run_and_the_costs_under_the_headline() -> None:
    document = orjson.loads(to_json(VIEW))
    assert document["schema"] == "inferbench.report/1"
    assert document["run"]["run_id"] == VIEW.manifest.run_id
    assert document["headline"] == {"book": "inferencex-2026-09", "tier": "hyperscaler"}
    assert len(document["costs"]) == len(document["summaries"]) == len(VIEW.summaries)
    assert {(c["book"], c["tier"]) for c in document["costs"]} == {("inferencex-2026-09", "hyperscaler")}
    assert [c["outcome"] for c in document["conclusions"]] == [c.outcome.value for c in VIEW.conclusions]
    assert document["simulated"] == sorted(VIEW.deployments)
    assert list(document) == sorted(document)


def test_json_of_a_bench_run_has_no_verdicts() -> None:
    document = orjson.loads(to_json(bench_view(partial=True)))
    assert (document["costs"], document["conclusions"], document["headline"]) == ([], [], None)
    assert document["partial"] is True


@pytest.mark.parametrize("width", [80, 100, 140])
def test_names_of_runs_can_be_copied_and_dates_stand_in_a_line(width: int) -> None:
    names = "imported/20261201-033150-801684", "deepseek-r1-mi355x-vs-b200/20261201-033629-faaab3"
    row = {"state": "partial", "reason": "a/long/path/of/a/run/that/cannot/be: written", "began_unix": 1796095910.0}
    rows = [row | {"name": name, "n_points": 1, "seed": 0, "simulated": False} for name in names]
    text = terminal.render(runs_table(rows, 20), width, color=False)
    assert all(name in text for name in names)
    assert ("2026-12-01 03:31:50 UTC" in text) is ("began" in text.splitlines()[1])
    assert max(map(len, text.splitlines())) <= width


def test_a_very_long_name_is_folded_and_crowds_nothing_out() -> None:
    name = "".join(chr(ord("a") + i % 26) for i in range(80))
    table = Table("t", (Column("name", align="left"), Column("kept")), ((name, "1,234"),))
    text = terminal.render(table, 60, color=False)
    assert "1,234" in text
    assert name in "".join(text.replace("1,234", "").split())
