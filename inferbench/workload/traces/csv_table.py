"""Traces that are CSV tables with a header."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inferbench.errors import FileError
from inferbench.workload.traces.trace_lines import lines
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, shown

Cells = dict[str, str]


def read_table(
    path: Path, bad: BadLines, columns: Sequence[str], request: Callable[[Cells], TraceRequest]
) -> Iterator[TraceRequest]:
    """Read a table row by row. `request` raises ValueError for a row that cannot be used.

    A row is a line: a quote that nobody closes would otherwise swallow those that follow. Raises FileError where the
    file cannot be read, lacks a column, or has a bad line and is strict.
    """
    rows = lines(path)
    header = _header(path, columns, *next(rows, (1, "")))
    for number, line in rows:
        try:
            cells = _cells(line)
            if len(cells) < len(header):
                raise ValueError(f"has {len(cells)} cells of {len(header)}")
            yield request(dict(zip(header, cells, strict=False)))
        except ValueError as error:
            bad.add(number, error)


def _header(path: Path, columns: Sequence[str], number: int, line: str) -> list[str]:
    try:
        header = [name.strip() for name in _cells(line)]
    except ValueError:
        header = []
    if missing := [name for name in columns if name not in header]:
        found = shown(line.rstrip("\r\n")) if line else "nothing"
        raise FileError(f"{path}:{number}: lacks column {missing[0]!r}; it needs {', '.join(columns)}, and has {found}")
    return header


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"is no CSV: {error}") from None
