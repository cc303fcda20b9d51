"""All checks on one set of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...domain.audit import AuditReport, Check, CheckCount
from ...domain.measured import MeasuredPoint
from . import curves, points, speculation, switches
from .impossible import ttft_in_request, weights_fit
from .over_time import over_time
from .points import Checked
from .roofline import Facts, roofline


def audit(measured: Sequence[MeasuredPoint], facts: Facts, source: str, notes: Sequence[str] = ()) -> AuditReport:
    """Run every check. A point that does not say what a check needs is not counted as checked by it."""
    checks: dict[Check, Callable[[], Checked]] = {
        Check.LITTLES_LAW: lambda: points.littles_law(measured),
        Check.ROOFLINE: lambda: roofline(measured, facts),
        Check.GPU_COUNT: lambda: points.gpu_count(measured),
        Check.ACCOUNTING: lambda: points.accounting(measured),
        Check.SPECULATION_BOUND: lambda: speculation.speculation_bound(measured),
        Check.SPECULATION_OVER_LOAD: lambda: speculation.speculation_over_load(measured),
        Check.INTERACTIVITY_RISES: lambda: curves.interactivity_rises(measured),
        Check.THROUGHPUT_COLLAPSES: lambda: curves.throughput_collapses(measured),
        Check.OFF_CURVE: lambda: curves.off_curve(measured),
        Check.OVER_TIME: lambda: over_time(measured),
        Check.WAITING: lambda: points.waiting(measured),
        Check.WEIGHTS_FIT: lambda: weights_fit(measured, facts),
        Check.TTFT_IN_REQUEST: lambda: ttft_in_request(measured),
        Check.SWITCHES: lambda: switches.benchmark_switches(measured),
    }
    done = {check: run() for check, run in checks.items()}
    return AuditReport(
        source=source,
        points=len(measured),
        checks=tuple(CheckCount(check=c, checked=n, flagged=len(flags)) for c, (n, flags) in done.items()),
        flags=tuple(flag for _, flags in done.values() for flag in flags),
        notes=tuple(notes),
    )
