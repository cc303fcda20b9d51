"""The requests of one sweep point: how latencies lie, when requests were in flight, which were slow, which failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from inferbench.arrays import Floats, Ints
from inferbench.metrics.catalog import E2EL, ISL, OSL, TTFT
from inferbench.metrics.failure_kinds import by_kind
from inferbench.metrics.families import OF_ONE_REQUEST
from inferbench.metrics.request_counts import Ended
from inferbench.numerals import significant
from inferbench.render.chart import PALETTE, TEXT, Chart, log_axis, style
from inferbench.render.format import count
from inferbench.render.table import Column, Table

SLOWEST = 20
SLOWEST_FIRST = sorted(OF_ONE_REQUEST, key=lambda metric: metric is not E2EL)
"""What a slow request is listed by: its whole time, and then the parts of it."""
DECADE = 10
DRAWN = 4_000
"""Requests that a chart shows; of more, every so many."""


@dataclass(frozen=True, eq=False)
class Requests:
    """The requests of one sweep point, shape (n,) each; NaN where there is no such figure."""

    seq: Ints
    start_s: Floats
    """From the first start on, s; NaN where a request was not sent."""
    end_s: Floats
    ttft_ms: Floats
    tpot_ms: Floats
    e2el_ms: Floats
    isl: Ints
    osl: Ints
    status: Sequence[str]
    errors: Sequence[str | None]
    simulated: bool


def distributions_chart(found: Requests) -> Chart:
    """The share of requests that took at most so long, for each latency."""
    titles = [metric.label for metric in OF_ONE_REQUEST]
    fig = make_subplots(rows=1, cols=3, subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.06)
    for column, metric in enumerate(OF_ONE_REQUEST, start=1):
        every = getattr(found, metric.field)
        values = np.sort(every[np.isfinite(every)])
        share = np.arange(1, len(values) + 1) / max(len(values), 1)
        at = _some(len(values))
        fig.add_trace(
            go.Scatter(
                x=values[at], y=share[at], mode="lines", line={"color": PALETTE[column - 1], "width": 2, "shape": "hv"},
                showlegend=False, hovertemplate="%{y:.1%} within %{x:.4g} ms<extra></extra>",
            ),
            row=1, col=column,
        )  # fmt: skip
        fig.update_xaxes(**_latency_axis(values), row=1, col=column)
    style(fig, 340).update_yaxes(range=[0, 1], tickformat=".0%").update_xaxes(title_text="ms")
    return Chart(
        key="latencies",
        title=f"How latencies are distributed{_mark(found)}",
        caption="The share of requests that took at most so long, counted from when each was sent; failed ones are "
        "not in it.",
        alt="Cumulative distributions of TTFT, TPOT and end-to-end latency in ms.",
        figure=fig,
    )


def _latency_axis(values: Floats) -> dict[str, Any]:
    """Logarithmic where latencies lie decades apart; on a narrow range that would leave no tick to read off."""
    if len(values) and values[-1] > DECADE * values[0] > 0:
        return log_axis(steps=(1,))
    return {"nticks": 4}


def requests_chart(found: Requests) -> Chart:
    """Requests in flight and TTFT over the run."""
    titles = ["requests in flight", f"{TTFT.label}, {TTFT.unit}"]
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=titles)
    at, flight = in_flight(found)
    some = _some(len(at))
    fig.add_trace(
        go.Scatter(
            x=at[some], y=flight[some], mode="lines", line={"color": PALETTE[0], "width": 1.6, "shape": "hv"},
            showlegend=False, hovertemplate="%{x:.4g} s: %{y} in flight<extra></extra>",
        ),
        row=1, col=1,
    )  # fmt: skip
    known = np.flatnonzero(np.isfinite(found.ttft_ms) & np.isfinite(found.start_s))
    known = known[_some(len(known))]
    fig.add_trace(
        go.Scatter(
            x=found.start_s[known], y=found.ttft_ms[known], mode="markers", showlegend=False,
            marker={"color": PALETTE[1], "size": 5, "symbol": "circle-open" if found.simulated else "circle"},
            hovertemplate="sent at %{x:.4g} s: TTFT %{y:.4g} ms<extra></extra>",
        ),
        row=2, col=1,
    )  # fmt: skip
    failed = np.flatnonzero([s != "ok" for s in found.status] & np.isfinite(found.start_s))
    if len(failed):
        fig.add_trace(
            go.Scatter(
                x=found.start_s[failed], y=np.full(len(failed), float(flight.max(initial=1))), mode="markers",
                name="failed", marker={"color": TEXT, "symbol": "x", "size": 7},
                hovertemplate="failed, sent at %{x:.4g} s<extra></extra>",
            ),
            row=1, col=1,
        )  # fmt: skip
    style(fig, 460).update_yaxes(rangemode="tozero").update_xaxes(title_text="s since the first start", row=2, col=1)
    return Chart(
        key="requests",
        title=f"The point as it went{_mark(found)}",
        caption="Above: requests between their start and their end. Below: how long each waited for its first token.",
        alt="Requests in flight, and TTFT of each request, over the seconds of the sweep point.",
        figure=fig,
    )


def in_flight(found: Requests) -> tuple[Floats, Ints]:
    """Instants at which a request starts or ends, s, and how many are in flight from then on."""
    sent = np.isfinite(found.start_s) & np.isfinite(found.end_s)
    at = np.concatenate([found.start_s[sent], found.end_s[sent]])
    change = np.concatenate([np.ones(sent.sum(), np.int64), -np.ones(sent.sum(), np.int64)])
    order = np.argsort(at, kind="stable")
    instants, flight = at[order], np.cumsum(change[order])
    last = np.flatnonzero(np.append(np.diff(instants) > 0, True)) if len(at) else np.empty(0, np.int64)
    return instants[last], flight[last]  # a slot that is left and taken at one instant was never free


def slowest_table(found: Requests) -> Table:
    """The requests that took longest from end to end."""
    known = np.flatnonzero(np.isfinite(found.e2el_ms))
    slowest = known[np.argsort(-found.e2el_ms[known], kind="stable")][:SLOWEST]
    return Table(
        title="Slowest requests",
        columns=(
            Column("request"), Column("sent at", "s"), *(Column(m.label, m.unit) for m in SLOWEST_FIRST),
            *(Column(m.label, m.unit) for m in (ISL, OSL)),
        ),
        rows=tuple(
            (
                count(int(found.seq[i])),
                significant(float(found.start_s[i])),
                *(_known(float(getattr(found, metric.field)[i])) for metric in SLOWEST_FIRST),
                count(int(found.isl[i])),
                count(int(found.osl[i])),
            )
            for i in slowest
        ),
    )  # fmt: skip


def failures_table(found: Requests) -> Table:
    """Requests that did not succeed, by how they ended and what was said."""
    both = zip(found.status, found.errors, strict=True)
    ended = tuple((cast("Ended", status), error) for status, error in both if status != "ok")
    kinds = by_kind(ended)
    return Table(
        title=f"Failures by kind: {len(ended):,} of {len(found.status):,} requests",
        columns=(
            Column("ended as", align="left"),
            Column("requests"),
            Column("what was said", align="left"),
            Column("first of them", align="left"),
        ),
        rows=tuple((one.ended, count(one.n), one.kind, one.first) for one in kinds),
        note="" if kinds else "Every request succeeded.",
    )


def _known(value: float) -> str:
    return significant(value) if np.isfinite(value) else "-"


def _mark(found: Requests) -> str:
    return " (simulated)" if found.simulated else ""


def _some(n: int) -> Ints:
    """Indices of at most DRAWN of n, evenly apart, both ends kept."""
    return np.unique(np.linspace(0, n - 1, min(n, DRAWN)).astype(np.int64)) if n else np.empty(0, np.int64)
