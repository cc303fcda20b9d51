"""Names inside a run directory, and the error of who cannot read or write one."""

from __future__ import annotations

from pathlib import Path

STARTS_STREAM, RECORDS_STREAM = "starts.arrows", "records.arrows"
"""Written while a sweep point runs, removed when it has ended."""
RECORDS_FILE, PASSES_FILE = "records.parquet", "passes.parquet"
TELEMETRY_STREAM, TELEMETRY_FILE = "telemetry.arrows", "telemetry.parquet"
"""What servers and GPUs told, while a sweep point runs and afterwards."""

MANIFEST, SCENARIO, SUMMARY, COST, VERDICT, LIVE, REPORT = (
    "manifest.json", "scenario.yaml", "summary.json", "cost.json", "verdict.json", "live.json", "report.html",
)  # fmt: skip
MEASURED, AUDIT = "measured.json", "audit.json"
"""Of an imported run: the points as they were published, and what stands out in them."""
INDEX = ".index.parquet"
"""Of a store: a row per run, made from the run directories."""
POINTS = "points"
"""Directory that holds one directory per sweep point."""
ATTEMPTS = "attempts"
"""Directory of what unfinished attempts at sweep points left behind."""
WORKER = "worker-"
"""Directories below a sweep point's begin so where several workers wrote its records."""


def worker_directory(point: Path, number: int) -> Path:
    """Where a worker writes its records of a sweep point."""
    return point / f"{WORKER}{number}"
