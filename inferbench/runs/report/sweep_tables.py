"""Tables of what was run: the sweep, one point on both bases, and the live leg."""

from __future__ import annotations

from textwrap import shorten

from inferbench.loadgen.health.live_check import LiveStep
from inferbench.metrics.catalog import CONCURRENCY, INTERACTIVITY, TPUT_PER_GPU
from inferbench.metrics.failure_kinds import called
from inferbench.metrics.families import LATENCIES, OF_A_POINT, RATES, TPOT_P50, TTFT_P50, TTFT_P99
from inferbench.metrics.metric import DistributionMetric, ScalarMetric
from inferbench.metrics.summary import Basis, ClientHealth, PointSummary
from inferbench.numerals import MISSING, significant
from inferbench.render.format import count, percent
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
            Column(CONCURRENCY.label, short="conc"),
            Column("GPUs", priority=4),
            _column(TTFT_P50, priority=3),
            _column(TTFT_P99, priority=1),
            _column(TPOT_P50, priority=5),
            Column(INTERACTIVITY.label, INTERACTIVITY.unit, short="intvty"),
            Column(f"{basis} tput", TPUT_PER_GPU.unit),
            Column("window tput", TPUT_PER_GPU.unit, priority=2),
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
    latencies = [metric.at(statistic) for metric in LATENCIES for statistic in ("mean", "p50", "p90", "p99")]
    shown = [(metric.label, metric) for metric in (*RATES, *latencies)]
    shown.append((f"{INTERACTIVITY.label} p50", INTERACTIVITY))
    figures = [(n, m.unit, m.read(summary, Basis.WHOLE_RUN), m.read(summary, Basis.WINDOW)) for n, m in shown]
    rows = [(n, u, significant(a), significant(b)) for n, u, a, b in (*figures, *energy_rows(summary))]
    windows = "The two bases are never mixed."
    if summary.window is None:
        windows = f"No steady-state window: {summary.window_reason}."
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
        + windows
        + energy_note(summary.energy),
    )


def live_table(view: RunView) -> Table:
    """A row per step of the live leg: what the client measured against what the local server says."""
    return Table(
        title="Live leg: the client against a server of known pace (measured over loopback)",
        columns=(
            Column("streams"),
            *(column for metric in OF_A_POINT for column in _live_columns(metric)),
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


def _column(metric: ScalarMetric, priority: int = 0) -> Column:
    return Column(metric.label, metric.unit, priority=priority)


def _sweep_row(summary: PointSummary, basis: Basis) -> tuple[str, ...]:
    point = summary.point
    return (
        point.deployment,
        point.topology,
        count(point.concurrency),
        count(point.gpus),
        *(significant(one.read(summary, basis)) for one in (TTFT_P50, TTFT_P99, TPOT_P50, INTERACTIVITY, TPUT_PER_GPU)),
        significant(TPUT_PER_GPU.read(summary, Basis.WINDOW)),
        joules_per_token(summary),
        state(summary),
        basis.value,
        summary.origin.value,
    )


def _live_columns(metric: DistributionMetric) -> tuple[Column, ...]:
    truth = Column("truth", metric.unit, priority=2)
    return _column(metric.at("p50")), truth, Column(f"{metric.label} error")


def _live_cells(step: LiveStep, metric: DistributionMetric) -> tuple[str, ...]:
    found = metric.at("p50").read(step.summary, Basis.WHOLE_RUN)
    return significant(found), significant(step.truth_p50_ms(metric)), percent(step.error(metric))


def _live_row(step: LiveStep) -> tuple[str, ...]:
    client = step.summary.client
    return (
        count(step.concurrency),
        *(cell for metric in OF_A_POINT for cell in _live_cells(step, metric)),
        MISSING if client is None else significant(client.loop_lag_p99_ms),
        validity(client),
    )
