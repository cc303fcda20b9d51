"""Two runs side by side: every shared sweep point as a ratio."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from inferbench.numerals import ratio, significant
from inferbench.render.chart import PALETTE, SHAPES, TEXT, Chart, figure, log_axis, safe
from inferbench.runs.comparison.compare_runs import PointComparison


def ratios_chart(points: Sequence[PointComparison]) -> Chart:
    """Candidate over baseline, a dot per sweep point, a row per figure."""
    metrics = list(dict.fromkeys(m.metric for point in points for m in point.metrics))
    traces = []
    for place, metric in enumerate(metrics):
        found = [(p, m) for p in points for m in p.metrics if m.metric == metric and m.ratio]
        traces.append(
            go.Scatter(
                x=[m.ratio for _, m in found], y=[metric] * len(found), mode="markers", name=safe(metric),
                showlegend=False, hoverinfo="text",
                marker={
                    "color": PALETTE[place % len(PALETTE)], "symbol": SHAPES[place % len(SHAPES)][0], "size": 9,
                    "opacity": 0.8,
                },
                hovertext=[
                    f"<b>{safe(p.point)}</b><br>{safe(metric)} {significant(m.a)} to {significant(m.b)} {m.unit}: "
                    f"{ratio(m.ratio)}"
                    for p, m in found
                ],
            )
        )  # fmt: skip
    fig = figure(traces, "candidate over baseline (logarithmic)", "", 130 + 46 * len(metrics))
    steps = log_axis()
    fine = [0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 2, 5, 10]
    fig.update_xaxes(**{**steps, "tickvals": fine, "ticktext": [f"{tick:g}" for tick in fine]})
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.add_vline(x=1, line={"color": TEXT, "width": 1.5, "dash": "dot"})
    return Chart(
        key="ratios",
        title="Candidate over baseline at every sweep point that both have",
        caption="A dot per sweep point; on the rule nothing changed. One run each says nothing of chance: that is what "
        "repeats and `inferbench regress` are for.",
        alt="Ratio of candidate over baseline for each figure and sweep point; the same as the table.",
        figure=fig,
    )
