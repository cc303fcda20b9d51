"""Tables in CSV files. In a cell, text that a spreadsheet would run is marked as text; numbers stay numbers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from inferbench.errors import FileError

_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets read wide signs, too)
_QUANTITY = re.compile(r"[+-](?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?(?:[ /%µ·\w.,]|(?<=\s)[+-](?=[\d.]))*")
"""A signed number with its unit, or two of them: "-1.5 %", "-5 to -3 ms"."""
_MARK = "'"


def inert(cell: str) -> str:
    """A cell as a CSV file may hold it: with an apostrophe before it where a spreadsheet would run it."""
    lone_sign = cell in ("+", "-")
    return cell if not cell.startswith(_RUN) or lone_sign or _QUANTITY.fullmatch(cell) else f"{_MARK}{cell}"


def as_it_was(cell: str) -> str:
    """What `inert` was given."""
    return cell[1:] if cell.startswith(_MARK) and inert(cell[1:]) == cell else cell


def read_table(path: Path, needed: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV file: its rows by column, each with the number of the line that it ends on.

    Cells are as they were before `inert`, and empty where a row is too short; what goes beyond the header is passed
    over. Raises FileError where the file is missing, is no CSV, or lacks a column that is needed.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise FileError(f"{path}, line 1: no column {missing[0]!r}; needed: {', '.join(needed)}")
            for row in reader:
                cells = {name: as_it_was(cell) if cell else "" for name, cell in row.items() if name}
                yield reader.line_num, cells
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: cannot be read: {error}") from None
