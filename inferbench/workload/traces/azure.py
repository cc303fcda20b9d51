"""Azure's LLM inference traces: CSV of TIMESTAMP, ContextTokens and GeneratedTokens.

https://github.com/Azure/AzurePublicDataset, AzureLLMInferenceTrace_{code,conv}.csv.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from inferbench.workload.traces.csv_table import Cells, read_table
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, shown, tokens

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


def read(path: Path, bad: BadLines) -> Iterator[TraceRequest]:
    """Read a trace row by row. Raises FileError where the file cannot be read, or has a bad line and is strict."""
    return read_table(path, bad, COLUMNS, _request)


def _request(cells: Cells) -> TraceRequest:
    try:
        at = datetime.fromisoformat(cells["TIMESTAMP"].strip())
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"TIMESTAMP is {shown(cells['TIMESTAMP'])}, not a date and time") from None
    return TraceRequest(
        isl=tokens(cells["ContextTokens"], "ContextTokens"),
        osl=tokens(cells["GeneratedTokens"], "GeneratedTokens"),
        at_s=at_s,
    )
