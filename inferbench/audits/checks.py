"""All checks on one set of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inferbench.audits import benchmark_settings, curves, single_point, speculation
from inferbench.audits.cases import Checked
from inferbench.audits.impossible import ttft_in_request, weights_fit
from inferbench.audits.over_time import over_time
from inferbench.audits.report import AuditReport, Check, CheckCount
from inferbench.audits.roofline import Facts, roofline
from inferbench.evidence.measured_point import MeasuredPoint


def audit(measured: Sequence[MeasuredPoint], facts: Facts, source: str, notes: Sequence[str] = ()) -> AuditReport:
    """Run every check. A point that does not say what a check needs is not counted as checked by it."""
    checks: dict[Check, Callable[[], Checked]] = {
        Check.LITTLES_LAW: lambda: single_point.littles_law(measured),
        Check.ROOFLINE: lambda: roofline(measured, facts),
        Check.GPU_COUNT: lambda: single_point.gpu_count(measured),
        Check.ACCOUNTING: lambda: single_point.accounting(measured),
        Check.SPECULATION_BOUND: lambda: speculation.speculation_bound(measured),
        Check.SPECULATION_OVER_LOAD: lambda: speculation.speculation_over_load(measured),
        Check.INTERACTIVITY_RISES: lambda: curves.interactivity_rises(measured),
        Check.THROUGHPUT_COLLAPSES: lambda: curves.throughput_collapses(measured),
        Check.OFF_CURVE: lambda: curves.off_curve(measured),
        Check.OVER_TIME: lambda: over_time(measured),
        Check.WAITING: lambda: single_point.waiting(measured),
        Check.WEIGHTS_FIT: lambda: weights_fit(measured, facts),
        Check.TTFT_IN_REQUEST: lambda: ttft_in_request(measured),
        Check.SWITCHES: lambda: benchmark_settings.benchmark_switches(measured),
    }
    done = {check: run() for check, run in checks.items()}
    return AuditReport(
        source=source,
        points=len(measured),
        checks=tuple(CheckCount(check=c, checked=n, flagged=len(flags)) for c, (n, flags) in done.items()),
        flags=tuple(flag for _, flags in done.values() for flag in flags),
        notes=tuple(notes),
    )
