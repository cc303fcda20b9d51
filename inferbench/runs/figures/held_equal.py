"""Deployments with one thing held equal: a table and a chart; and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from inferbench.comparison.held_equal import EqualReading
from inferbench.metrics.catalog import TPUT_PER_GPU
from inferbench.numerals import MISSING, significant, usd
from inferbench.render.chart import Chart, figure, legend_below, log_axis, marker, safe
from inferbench.render.format import count
from inferbench.render.table import Column, Table
from inferbench.runs.figures.run_look import look
from inferbench.runs.report.view import RunView
from inferbench.scenario.deployment import Deployment

Equal = Mapping[str, Sequence[EqualReading]]


def equal_table(found: Equal, names: Sequence[str]) -> Table:
    """A row per deployment and what was held equal."""
    return Table(
        title="With one thing held equal",
        columns=(
            Column("held equal", align="left"),
            Column("deployment", align="left"),
            Column(TPUT_PER_GPU.title, TPUT_PER_GPU.unit),
            Column("cost", "$/Mtok"),
            Column("GPUs for the budget"),
            Column("all tokens", "tok/s"),
            Column("read at", align="left"),
        ),
        rows=tuple(_row(words, r) for words, own in found.items() for r in own if r.reading.deployment in names),
        note="Throughput at an equal pace is interpolated on each front and never beyond it; under an equal wait it is "
        "that of a point that was run. A budget buys whole replicas.",
        keys=2,
    )


def _row(words: str, equal: EqualReading) -> tuple[str, ...]:
    reading = equal.reading
    between = dict.fromkeys(
        f"{p.topology} at concurrency {p.concurrency:,}" for p in (reading.below, reading.above) if p is not None
    )
    return (
        words,
        reading.deployment,
        significant(reading.tput_per_gpu),
        usd(equal.usd_per_mtok),
        count(equal.gpus),
        MISSING if equal.total_tput is None else significant(equal.total_tput),
        reading.unreachable or " and ".join(between),
    )


def equal_chart(view: RunView, found: Equal, names: Sequence[str]) -> Chart:
    """Cost of each deployment by what was held equal."""
    labels = list(found)
    traces = [_dots(view, name, [(row, r) for row, own in enumerate(found.values()) for r in own]) for name in names]
    fig = figure(traces, "$ per million tokens (log)", "", 170 + 80 * len(labels))
    legend_below(fig).update_xaxes(**log_axis("$")).update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[safe(label).replace(": ", ":<br>").replace(" at ", "<br>at ") for label in labels],
        range=[len(labels) - 0.5, -0.5],
        showgrid=False,
    )
    return Chart(
        key="equal",
        title=f"Cost with one thing held equal{' (simulated)' if view.simulated else ''}",
        caption="Left is cheaper. A deployment without a dot does not reach it; the table says why. Estimates without "
        "their intervals: the overview has the verdict.",
        alt="Dollars per million tokens of each deployment at equal pace, equal wait and equal budget; as the table.",
        figure=fig,
    )


def _dots(view: RunView, name: str, found: Sequence[tuple[int, EqualReading]]) -> go.Scatter:
    looks = look(view, name)
    own = [(row, r) for row, r in found if r.reading.deployment == name and r.usd_per_mtok is not None]
    return go.Scatter(
        x=[r.usd_per_mtok for _, r in own], y=[row for row, _ in own], mode="markers", marker=marker(looks, 12),
        name=looks.label, hoverinfo="text",
        hovertext=[f"<b>{looks.label}</b><br>{usd(r.usd_per_mtok)} per million tokens" for _, r in own],
    )  # fmt: skip


def differences_table(first: Deployment, second: Deployment) -> Table:
    """A row per field of the two deployments that differs, topologies left out."""
    rows = [(key, a, b) for key, a, b in _pairs("", _plain(first), _plain(second)) if a != b]
    return Table(
        title="What differs between them",
        columns=(Column("field", align="left"), Column(first.name, align="left"), Column(second.name, align="left")),
        rows=tuple(rows),
        note="Topologies and loads differ too: the frontier shows each of them.",
    )


def run_differences_table(found: Mapping[str, tuple[str, str]]) -> Table:
    """A row per condition in which two runs differ."""
    return Table(
        title="What differs in their manifests",
        columns=(
            Column("condition", align="left"),
            Column("baseline", align="left"),
            Column("candidate", align="left"),
        ),
        rows=tuple((key, a, b) for key, (a, b) in found.items()),
        note="" if found else "Nothing that would make their figures incomparable.",
    )


def _plain(deployment: Deployment) -> dict[str, Any]:
    return deployment.model_dump(mode="json", exclude={"name", "topologies", "source"})


def _pairs(prefix: str, a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for key in a:
        if isinstance(a[key], dict) and isinstance(b.get(key), dict):
            found += _pairs(f"{prefix}{key}.", a[key], b[key])
        else:
            found.append((f"{prefix}{key}", str(a[key]), str(b.get(key))))
    return found
