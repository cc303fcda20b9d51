"""Auditing a file of measured points, or a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..analysis.audit.roofline import Facts
from ..analysis.audit.run import audit as audit_points
from ..domain.audit import AuditReport
from ..domain.claim import Claim
from ..domain.files import read_value, read_yaml
from ..domain.measured import MeasuredPoint
from ..interop.inferencex.read import read_inferencex
from ..store import layout
from .catalogue import gpus, models
from .measuring import measured_points
from .runs import open_run


def audit(path: str | Path, said: Mapping[str, str] | None = None) -> AuditReport:
    """Look at every point of a run directory, a claim file, or a file or folder in InferenceX's formats.

    Dates tell re-runs apart, so a run of one's own is one day. Raises StoreError or FileError where nothing can be
    read.
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


def audit_measured(
    points: tuple[MeasuredPoint, ...] | list[MeasuredPoint], source: str, notes: tuple[str, ...] = ()
) -> AuditReport:
    """Run every check on points, with all known GPUs and models."""
    return audit_points(points, Facts(gpus(), models()), source, notes)
