"""A metric over the runs of a scenario, with the runs at which its level changed."""

from __future__ import annotations

import datetime

import plotly.graph_objects as go

from inferbench.numerals import significant
from inferbench.regression.history_values import History
from inferbench.render.chart import PALETTE, TEXT, Chart, figure, safe
from inferbench.render.format import percent


def history_chart(history: History) -> Chart:
    """A dot per run; a rule at every change of level."""
    days = [datetime.datetime.fromtimestamp(run.began_unix, datetime.UTC) for run in history.runs]
    dots = go.Scatter(
        x=days, y=[run.value for run in history.runs], mode="lines+markers", showlegend=False, hoverinfo="text",
        line={"color": PALETTE[0], "width": 1.4}, marker={"color": PALETTE[0], "size": 7},
        hovertext=[f"{safe(run.run_id)}<br>{significant(run.value, 4)} {history.unit}" for run in history.runs],
    )  # fmt: skip
    fig = figure([dots], "", f"{history.metric.value}, {history.unit}", 400).update_yaxes(tickformat=",")
    for change in history.changes:
        at = datetime.datetime.fromtimestamp(change.began_unix, datetime.UTC)
        fig.add_vline(x=at, line={"color": PALETTE[1] if change.worse else PALETTE[2], "width": 1.5, "dash": "dot"})
        fig.add_annotation(
            x=at, y=1, yref="paper", yanchor="bottom", showarrow=False, font={"size": 11, "color": TEXT},
            text=f"{percent(change.change)} {'worse' if change.worse else 'better'}",
        )  # fmt: skip
    return Chart(
        key="history",
        title=f"{history.metric.value} of {history.scenario} over {len(history.runs):,} runs",
        caption="A dot per run: the geometric mean over its sweep points. A dotted rule: the level changed there, more "
        "than chance explains. The axis does not begin at 0.",
        alt=f"{history.metric.value} over time with {len(history.changes)} changes of level; as the table.",
        figure=fig,
    )
