"""Tables of what was run: the sweep, one point on both bases, and the live leg."""

from __future__ import annotations

from textwrap import shorten

from inferbench.loadgen.health.live_check import LiveStep
from inferbench.metrics.failure_kinds import called
from inferbench.metrics.summary import Basis, BasisSummary, ClientHealth, Distribution, PointSummary
from inferbench.render.format import MISSING, count, percent, significant
from inferbench.render.table import Column, Table
from inferbench.runs.report.view import RunView
from inferbench.telemetry.energy_table import energy_note, energy_rows, joules_per_token

FAILURE_WIDTH = 48
"""Characters of a failure that a cell holds."""


def sweep_table(view: RunView) -> Table:
    """A row per sweep point: latencies and throughput on the view's basis, the window's throughput beside."""
    basis = view.basis.value
    return Table(
        title="Sweep points" + (" (simulated)" if view.simulated else ""),
        columns=(
            Column("deployment", align="left"),
            Column("topology", align="left"),
            Column("concurrency", short="conc"),
            Column("GPUs", priority=4),
            Column("TTFT p50", "ms", priority=3),
            Column("TTFT p99", "ms", priority=1),
            Column("TPOT p50", "ms", priority=5),
            Column("interactivity", "tok/s/user", short="intvty"),
            Column(f"{basis} tput", "tok/s/GPU"),
            Column("window tput", "tok/s/GPU", priority=2),
            Column("energy", "J/output token", short="J/tok", priority=8),
            Column("state", align="left"),
            Column("basis", align="left", priority=7),
            Column("origin", align="left", priority=6),
        ),
        rows=tuple(_sweep_row(summary, view.basis) for summary in view.summaries),
        note=f"Latencies, interactivity and the first throughput are on the basis {basis}; "
        "the window's throughput is beside it for comparison and enters no verdict.",
    )


def bench_table(summary: PointSummary) -> Table:
    """One sweep point, a row per figure: the whole run and the steady-state window side by side."""
    whole, window = summary.whole_run, summary.window
    figures = [(name, unit, _pick(whole, name), _pick(window, name)) for name, unit in _BENCH_FIGURES]
    latencies = [
        (f"{name} {quantile}", "ms", _quantile(whole, field, quantile), _quantile(window, field, quantile))
        for field, name in _LATENCIES
        for quantile in ("mean", "p50", "p90", "p99")
    ]
    interactivity = (
        "interactivity p50",
        "tok/s/user",
        whole.interactivity_p50 if whole else None,
        window.interactivity_p50 if window else None,
    )
    measured = (*figures, *latencies, interactivity, *energy_rows(summary))
    rows = [(n, u, significant(a), significant(b)) for n, u, a, b in measured]
    point, counts = summary.point, summary.counts
    return Table(
        title=f"{point.key} ({summary.origin.value})",
        columns=(
            Column("figure", align="left"),
            Column("unit", align="left"),
            Column("whole_run"),
            Column("window"),
        ),
        rows=(*rows, *_failed_rows(summary)),
        note=f"{count(counts.ok)} of {count(counts.planned)} requests succeeded ({state(summary)}). "
        + (f"No steady-state window: {summary.window_reason}." if window is None else "The two bases are never mixed.")
        + energy_note(summary.energy),
    )


def live_table(view: RunView) -> Table:
    """A row per step of the live leg: what the client measured against what the local server says."""
    return Table(
        title="Live leg: the client against a server of known pace (measured over loopback)",
        columns=(
            Column("streams"),
            Column("TTFT p50", "ms"),
            Column("truth", "ms", priority=2),
            Column("TTFT error"),
            Column("TPOT p50", "ms"),
            Column("truth", "ms", priority=2),
            Column("TPOT error"),
            Column("loop lag p99", "ms", priority=1),
            Column("verdict", align="left"),
        ),
        rows=tuple(_live_row(step) for step in (view.live.steps if view.live else ())),
        note="Error: the client's median over the server's own median, minus 1.",
    )


def state(summary: PointSummary) -> str:
    """INVALID, partial, or valid. Why it is INVALID, and what helps, is said beside the table, and once."""
    if summary.client and not summary.client.valid:
        return validity(summary.client)
    return "partial" if summary.partial else "valid"


def validity(client: ClientHealth | None) -> str:
    """Whether the client could be trusted."""
    return "valid" if client is None or client.valid else "INVALID"


def _failed_rows(summary: PointSummary) -> list[tuple[str, str, str, str]]:
    """A row per kind of failure; the first message of each stands in the notes."""
    named = ((shorten(called(one), FAILURE_WIDTH, placeholder=" …"), count(one.n)) for one in summary.failures)
    return [(f"failed: {name}", "requests", n, MISSING) for name, n in named]


_LATENCIES = (("ttft_ms", "TTFT"), ("tpot_ms", "TPOT"), ("itl_ms", "ITL"), ("e2el_ms", "E2EL"))
_BENCH_FIGURES = (
    ("seconds", "s"),
    ("request_tput", "req/s"),
    ("input_tput", "tok/s"),
    ("output_tput", "tok/s"),
    ("total_tput", "tok/s"),
    ("tput_per_gpu", "tok/s/GPU"),
    ("in_flight_mean", "requests"),
)


def _pick(summary: BasisSummary | None, field: str) -> float | None:
    return None if summary is None else getattr(summary.throughput, field)


def _quantile(summary: BasisSummary | None, field: str, quantile: str) -> float | None:
    distribution: Distribution | None = getattr(summary, field, None)
    return None if distribution is None else getattr(distribution, quantile)


def _sweep_row(summary: PointSummary, basis: Basis) -> tuple[str, ...]:
    shown, point = summary.on(basis), summary.point
    return (
        point.deployment,
        point.topology,
        count(point.concurrency),
        count(point.gpus),
        significant(_quantile(shown, "ttft_ms", "p50")),
        significant(_quantile(shown, "ttft_ms", "p99")),
        significant(_quantile(shown, "tpot_ms", "p50")),
        significant(shown.interactivity_p50 if shown else None),
        significant(_pick(shown, "tput_per_gpu")),
        significant(_pick(summary.window, "tput_per_gpu")),
        joules_per_token(summary),
        state(summary),
        basis.value,
        summary.origin.value,
    )


def _live_row(step: LiveStep) -> tuple[str, ...]:
    whole, client = step.summary.whole_run, step.summary.client
    return (
        count(step.concurrency),
        significant(_quantile(whole, "ttft_ms", "p50")),
        significant(step.truth_ttft_p50_ms),
        percent(step.ttft_error),
        significant(_quantile(whole, "tpot_ms", "p50")),
        significant(step.truth_tpot_p50_ms),
        percent(step.tpot_error),
        MISSING if client is None else significant(client.loop_lag_p99_ms),
        validity(client),
    )
