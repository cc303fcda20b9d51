"""Names inside a run directory, and the error of who cannot read or write one."""

from __future__ import annotations

from ..domain.errors import ExitCode, InferbenchError

STARTS_STREAM, RECORDS_STREAM = "starts.arrows", "records.arrows"
"""Written while a sweep point runs, removed when it has ended."""
RECORDS_FILE, PASSES_FILE = "records.parquet", "passes.parquet"

MANIFEST, SCENARIO, SUMMARY, COST, VERDICT, LIVE, REPORT = (
    "manifest.json", "scenario.yaml", "summary.json", "cost.json", "verdict.json", "live.json", "report.html",
)  # fmt: skip
POINTS = "points"
"""Directory that holds one directory per sweep point."""


class StoreError(InferbenchError):
    """The store cannot be written, or a file in it cannot be read."""

    exit_code = ExitCode.USAGE
