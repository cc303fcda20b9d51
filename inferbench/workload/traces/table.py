"""Traces that are CSV tables with a header."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...domain.errors import FileError
from .request import BadLines, TraceRequest, opened

Cells = dict[str, str]


def read_table(
    path: Path, bad: BadLines, columns: Sequence[str], request: Callable[[Cells], TraceRequest]
) -> Iterator[TraceRequest]:
    """Read a table row by row. `request` raises ValueError for a row that cannot be used.

    Raises FileError where the file cannot be read, lacks a column, or has a bad line and is strict.
    """
    with opened(path) as file:
        rows = csv.reader(file)
        try:
            header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
            if missing := [name for name in columns if name not in header]:
                raise FileError(f"{path}:1: lacks column {missing[0]!r}; it needs {', '.join(columns)}")
            for cells in rows:
                if not cells:
                    continue
                try:
                    if len(cells) < len(header):
                        raise ValueError(f"has {len(cells)} cells of {len(header)}")
                    yield request(dict(zip(header, cells, strict=False)))
                except ValueError as error:
                    bad.add(rows.line_num, error)
        except csv.Error as error:
            raise FileError(f"{path}:{rows.line_num}: {error}") from None
