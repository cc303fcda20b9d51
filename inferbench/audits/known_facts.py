"""All checks on measured points, with all known GPUs and models."""

from __future__ import annotations

from inferbench.audits.checks import audit as audit_points
from inferbench.audits.report import AuditReport
from inferbench.audits.roofline import Facts
from inferbench.catalog.bundled import gpus, models
from inferbench.evidence.measured_point import MeasuredPoint


def audit_measured(
    points: tuple[MeasuredPoint, ...] | list[MeasuredPoint], source: str, notes: tuple[str, ...] = ()
) -> AuditReport:
    """Run every check on points, with all known GPUs and models."""
    return audit_points(points, Facts(gpus(), models()), source, notes)
