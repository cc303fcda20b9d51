"""Text of others in CSV cells and on terminals; YAML that would stand for more than can be read."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inferbench.cli.output import line
from inferbench.errors import FileError
from inferbench.files.csv_cells import as_it_was, inert
from inferbench.files.terminal_text import one_visible_line, visible, visible_json
from inferbench.files.yaml_text import MOST_NODES
from inferbench.files.yaml_values import MOST_BYTES, read_yaml
from inferbench.render import markdown, terminal
from inferbench.render.table import Column, Table

HOSTILE = "name\x1b[2J\x9b31m\x07\u202eeman\r\n\x00"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+cmd|' /C x'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-A1", "\uff1d1", "+=1"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert inert(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["-5", "-0.25", "+3.1 %", "-1,024", "-1e-3", "-5 to -3 ms", "-2.5 tok/s/GPU", "b200", "", "-", "a=b", "-.5"]
)
def test_numbers_and_names_stay_as_they_are(cell: str) -> None:
    assert inert(cell) == cell


@given(st.text())
def test_a_cell_comes_back_as_it_was(cell: str) -> None:
    if not cell.startswith("'"):
        assert as_it_was(inert(cell)) == cell


def test_what_would_steer_a_terminal_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert visible(HOSTILE) == "name\\x1b[2J\\x9b31m\\x07\\u202eeman\\r\n\\x00"
    assert one_visible_line(HOSTILE) == "name\\x1b[2J\\x9b31m\\x07\\u202eeman\\r\\n\\x00"
    assert visible("42 µs, naïve 漢字") == "42 µs, naïve 漢字"
    line(HOSTILE)
    line(HOSTILE, error=True)
    said = capsys.readouterr()
    assert said.out == said.err == one_visible_line(HOSTILE) + "\n"


def test_tables_show_names_and_send_none() -> None:
    table = Table(HOSTILE, (Column(HOSTILE, align="left"), Column("n")), ((HOSTILE, "1"),), note=HOSTILE)
    for shown in (terminal.render(table, 80, color=False), markdown.render(table)):
        assert not [c for c in shown if not c.isprintable() and c != "\n"]
        assert "x1b" in shown


def test_json_on_a_terminal_is_the_same_json_and_steers_nothing() -> None:
    document = orjson.dumps({"name": HOSTILE, "text": "naïve 漢字"})
    shown = visible_json(document)
    assert orjson.loads(shown) == orjson.loads(document)
    assert shown.decode().isprintable()


def bomb(levels: int) -> str:
    """YAML that doubles with each line."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, levels))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (bomb(40), f"more than {MOST_NODES:,} values"),
        ("a: &a [*a]", "the alias stands within what it stands for"),
        ("[" * 2000, "nested"),
        ("#" * (MOST_BYTES + 1), f"larger than {MOST_BYTES >> 20} MiB"),
    ],
)
def test_yaml_that_stands_for_too_much_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_yaml(path)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_aliases_of_a_person_are_read(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(bomb(8))
    assert read_yaml(path) == yaml.safe_load(bomb(8))
