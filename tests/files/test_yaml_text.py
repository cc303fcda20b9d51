"""YAML as plain data: what two readers could read unlike is text, and what no file of ours holds is refused."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.errors import FileError
from inferbench.files.yaml_text import parse
from inferbench.files.yaml_values import MOST_BYTES, read_yaml

ROOT = Path(__file__).parents[2]
BUNDLED = sorted([*(ROOT / "inferbench").rglob("*.yaml"), *(ROOT / "pricing").glob("*.yaml")])
BILLION = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n" for before, after in ("ab", "bc", "cd", "de", "ef")
)
"""Six lines that stand for a million values: enough to be refused, and harmless to whoever reads them after all."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-02-30", "2026-02-30"),
        ("2026-05-28", "2026-05-28"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("1_000", 1000),
        ("+1", 1),
        ("-0", 0),
        ("1e6", 1e6),
        ("1.", 1.0),
        (".5", 0.5),
        ("no", False),
        ("On", True),
        ("'no'", "no"),
        ("", None),
        ("~", None),
        ("é", "é"),
        ('"e\\u0301"', "é"),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("[&x {a: 1}, *x]", [{"a": 1}, {"a": 1}]),
    ],
)  # fmt: skip
def test_a_value_is_read_as_every_reader_reads_it_or_as_text(text: str, value: object) -> None:
    found = parse(text)
    assert found == value
    assert type(found) is type(value)


def test_numbers_that_are_none_are_told_from_text() -> None:
    assert parse("[.inf, -.inf]") == [math.inf, -math.inf]
    assert math.isnan(parse(".nan"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "line 2, column 1: the key 'a' is given twice"),
        ("a: {b: 1, b: 2}", "the key 'b' is given twice"),
        ('"\\u00e9": 1\n"e\\u0301": 2', "the key 'é' is given twice"),
        ("no: 1", "the key False is no text; put it in quotes"),
        ("1: x", "the key 1 is no text; put it in quotes"),
        ("[a]: x", "the key ['a'] is no text"),
        ("? {a: 1}\n: x", "is no text"),
        ("a: &x {b: 1}\nc: {<<: *x}", "merge keys (<<) are not read; write the keys out"),
        ("a: &a [*a]", "the alias stands within what it stands for"),
        ("a: *b", "found undefined alias 'b'"),
        (BILLION, "more than 1,000,000 values"),
        ("[" * 60 + "]" * 60, "nested deeper than 50 levels"),
        ("[" * 1000, "nested too deeply"),
        ("a: !!set {b}", "values tagged 'tag:yaml.org,2002:set' are not read"),
        ("a: !!binary aGk=", "are not read"),
        ("a: !!timestamp 2026-05-28", "are not read"),
        ("!!python/object/apply:os.getcwd []", "are not read"),
        ("a: !!int x", "'x' is no whole number"),
        ("a: !!float x", "'x' is no number"),
        ("a: !!bool x", "'x' is no boolean"),
        ("a: " + "9" * 5000, "is no whole number of at most 40 digits"),
        ('a: "\\x1b[31m"', "the character U+001B is not allowed in text"),
        ('a: "\\0"', "the character U+0000 is not allowed in text"),
        ('a: "\\uD800"', "the character U+D800 is not allowed in text"),
        ('a: "\\u202E"', "the character U+202E is not allowed in text"),
        ("a: 1\n---\nb: 2", "expected a single document"),
    ],
)  # fmt: skip
def test_what_no_file_of_ours_holds_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError) as caught:
        read_yaml(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: not valid YAML: ")
    assert message in said
    assert "\n" not in said
    assert len(said) < 400


def test_a_file_larger_than_any_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(FileError, match="larger than 2 MiB"):
        read_yaml(path)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_files_that_come_with_inferbench_say_the_same_to_pyyaml(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if len(text) < 15_000:  # the long ones are lists of flags, all alike
        assert parse(text) == _dates_as_text(yaml.safe_load(text))


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dates_as_text(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(child) for child in value]
    return value.isoformat() if isinstance(value, datetime.date) else value
