"""Auditing a file of measured points, or a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inferbench.audits.known_facts import audit_measured
from inferbench.audits.report import AuditReport
from inferbench.claim.claim import Claim
from inferbench.files.yaml_values import read_value, read_yaml
from inferbench.formats.inferencex.reader import read_inferencex
from inferbench.records import layout
from inferbench.runs.interchange.measured_points import measured_points
from inferbench.runs.opened_run import open_run


def audit(path: str | Path, said: Mapping[str, str] | None = None) -> AuditReport:
    """Look at every point of a run directory, a claim file, or a file or folder in InferenceX's formats.

    `path` is where it lies; `said` is what a client's own result does not say: gpu, gpus, framework, precision. Dates
    tell re-runs apart, so a run of one's own is one day. Each flag names its bound and where that comes from
    (docs/claims.md). Raises StoreError or FileError where nothing can be read.
    """
    path = Path(path)
    if (path / layout.MANIFEST).is_file():
        run = open_run(path)
        return audit_measured(measured_points(run), run.manifest.run_id)
    if path.suffix in (".yaml", ".yml"):
        read_yaml(path)
        return audit_claim(read_value(path, Claim))
    imported = read_inferencex(path, said)
    return audit_measured(imported.points, path.name, imported.notes)


def audit_claim(claim: Claim) -> AuditReport:
    """Look at every point of a claim."""
    return audit_measured([point for curve in claim.curves for point in curve.measured()], claim.name)
