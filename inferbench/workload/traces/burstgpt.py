"""BurstGPT: CSV of Timestamp (s), Model, Request tokens, Response tokens, Total tokens and Log Type.

https://github.com/HPMLL/BurstGPT. A request that failed has no response tokens and counts as a bad line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .request import BadLines, TraceRequest, seconds, tokens
from .table import Cells, read_table

COLUMNS = ("Timestamp", "Request tokens", "Response tokens")


def read(path: Path, bad: BadLines) -> Iterator[TraceRequest]:
    """Read a trace row by row. Raises FileError where the file cannot be read, or has a bad line and is strict."""
    return read_table(path, bad, COLUMNS, _request)


def _request(cells: Cells) -> TraceRequest:
    return TraceRequest(
        isl=tokens(cells["Request tokens"], "Request tokens"),
        osl=tokens(cells["Response tokens"], "Response tokens"),
        at_s=seconds(cells["Timestamp"], "Timestamp"),
    )
