"""BurstGPT: CSV of Timestamp (s), Model, Request tokens, Response tokens, Total tokens and Log Type.

https://github.com/HPMLL/BurstGPT. A request that failed has no response tokens and counts as a bad line. The second
release adds Session ID and Elapsed time; what a session's prompts share is not told, so that every row stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from inferbench.workload.traces.csv_table import Cells, read_table
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, seconds, tokens

COLUMNS = ("Timestamp", "Request tokens", "Response tokens")


def read(path: Path, bad: BadLines, unit_s: float = 1.0) -> Iterator[TraceRequest]:
    """Read a trace row by row, times in units of `unit_s`.

    Raises FileError where the file cannot be read, or has a bad line and is strict.
    """
    return read_table(path, bad, COLUMNS, partial(_request, unit_s=unit_s))


def _request(cells: Cells, unit_s: float) -> TraceRequest:
    if cells["Response tokens"].strip() in ("0", "0.0"):
        raise ValueError("failed when it was recorded: Response tokens is 0")
    return TraceRequest(
        isl=tokens(cells["Request tokens"], "Request tokens"),
        osl=tokens(cells["Response tokens"], "Response tokens"),
        at_s=seconds(cells["Timestamp"], "Timestamp", unit_s),
    )
