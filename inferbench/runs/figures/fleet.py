"""What a fleet of each deployment costs a year."""

from __future__ import annotations

import plotly.graph_objects as go

from inferbench.comparison.verdict import Outcome
from inferbench.fleet.fleet import Sizing
from inferbench.numerals import significant
from inferbench.render.chart import Chart, figure, safe
from inferbench.runs.figures.run_look import look
from inferbench.runs.report.view import RunView


def fleet_chart(view: RunView, found: Sizing) -> Chart:
    """A bar with its interval for each deployment that keeps the SLO."""
    traces = []
    for fleet in found.fleets:
        of, name = look(view, fleet.replica.deployment), fleet.replica.deployment
        cost = fleet.usd_per_year / 1e6
        traces.append(
            go.Bar(
                x=[cost], y=[of.label.replace(" (", "<br>(")], orientation="h", name=of.label, showlegend=False,
                marker={"color": of.color, "pattern": {"shape": "/" if name in view.simulated else ""}}, width=0.5,
                error_x={
                    "type": "data", "symmetric": False, "array": [fleet.high / 1e6 - cost],
                    "arrayminus": [cost - fleet.low / 1e6], "thickness": 1.5, "width": 5,
                },
                hovertext=f"{of.label}<br>${significant(cost)} million a year<br>{fleet.gpus_billed:,} GPUs billed, "
                f"{fleet.replicas:,} replicas of {safe(fleet.replica.topology)} at {fleet.replica.concurrency:,}",
                hoverinfo="text",
            )
        )  # fmt: skip
    fig = figure(traces, "$ million a year", "", 120 + 70 * len(traces)).update_xaxes(rangemode="tozero")
    fig.update_yaxes(autorange="reversed", showgrid=False)
    return Chart(
        key="fleet",
        title=f"Yearly bill of a fleet: {_finding(found)}",
        caption=f"{found.outcome.value}: {found.reason}. Hatched: simulated. Bars: the interval of throughput "
        "and price together, in whole replicas and whole nodes.",
        alt="Yearly cost of each deployment's fleet with its interval; the same as the table.",
        figure=fig,
    )


def _finding(found: Sizing) -> str:
    cheapest = found.fleets[0].replica.deployment
    return f"{cheapest} is CHEAPER" if found.outcome is Outcome.CHEAPER else found.outcome.value
