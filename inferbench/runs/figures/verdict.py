"""Who is cheaper where: the verdict under every price, and the cost ranges under one."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from inferbench.comparison.verdict import Outcome, Verdict
from inferbench.numerals import ratio, usd
from inferbench.render.chart import TEXT, Chart, faint, figure, legend_below, log_axis, marker, safe
from inferbench.render.format import interval
from inferbench.runs.figures.run_look import look
from inferbench.runs.report.view import RunView

GREY = "rgba(128, 133, 141, 0.14)"
ROW_HEIGHT = 44
SPREAD = 0.22
"""Distance between the deployments' dots at one operating point; operating points are 1 apart."""
CELL = 0.94
"""Width and height of a cell; cells are 1 apart."""


def verdict_chart(view: RunView) -> Chart:
    """A cell per operating point and price: the cheapest by colour and shape, hatched and grey where UNDECIDED."""
    cells = [
        (column, row, verdict)
        for column, conclusion in enumerate(view.conclusions)
        for row, (book, tier) in enumerate(view.price_choices)
        if (verdict := view.verdict(conclusion, book, tier)) is not None
    ]
    traces = [_cells(view, name, outcome, cells) for name in (*view.deployments, None) for outcome in Outcome]
    texts = [_cell_texts(view, cells, decided) for decided in (True, False)]
    rows = len(view.price_choices)
    common = _common_start([book for book, _ in view.price_choices])
    fig = figure([trace for trace in [*traces, *texts] if trace], "", "", 150 + ROW_HEIGHT * rows)
    fig.update_layout(barmode="overlay", legend_y=-0.04)
    fig.update_xaxes(
        side="top",
        showgrid=False,
        showline=False,
        tickvals=list(range(len(view.conclusions))),
        ticktext=[_two_lines(point.name) for point in view.operating_points],
        autotickangles=[0, -90],
    )
    fig.update_yaxes(
        range=[rows - 0.5, -0.5],
        showgrid=False,
        showline=False,
        tickvals=list(range(rows)),
        ticktext=[f"{safe(book.removeprefix(common))}<br>{safe(tier)}" for book, tier in view.price_choices],
    )
    books = ", ".join(dict.fromkeys(book for book, _ in view.price_choices))
    return Chart(
        key="verdicts",
        title="Who is cheaper under which prices" + (" (simulated)" if view.simulated else ""),
        caption="Each cell names the deployment with the lowest cost and how many times as much the next one costs. "
        "Solid colour: decided. Hatched grey: UNDECIDED, the difference is smaller than the doubt in it. "
        f"Rows: {books}.",
        alt="The cheapest deployment and its lead for each operating point, price book and tier; "
        "the same as the table of verdicts.",
        figure=fig,
    )


def _cells(view: RunView, name: str | None, outcome: Outcome, cells: list[tuple[int, int, Verdict]]) -> go.Bar | None:
    """All cells of one deployment with one outcome, or None where there are none."""
    own = [(x, y, v) for x, y, v in cells if v.outcome is outcome and v.cheapest == name]
    if not own:
        return None
    return go.Bar(
        x=[x for x, _, _ in own],
        y=[CELL] * len(own),
        base=[y - CELL / 2 for _, y, _ in own],
        width=CELL,  # plotly would make it as wide as the trace's own columns are apart
        marker=_cell_style(view, name, outcome),
        name=_legend(view, name, outcome),
        hovertext=[_verdict_hover(verdict) for _, _, verdict in own],
        hoverinfo="text",
    )


def _cell_style(view: RunView, name: str | None, outcome: Outcome) -> dict[str, Any]:
    if name is None:
        return {"color": GREY, "line": {"width": 0}}
    color = look(view, name).color
    if outcome is Outcome.CHEAPER:
        return {"color": color, "line": {"width": 0}}
    hatch = {
        "shape": "/",
        "fgcolor": faint(color, 0.4),
        "bgcolor": "rgba(128,133,141,0.14)",
        "size": 9,
        "solidity": 0.16,
    }
    return {"color": "rgba(128,133,141,0.14)", "line": {"color": faint(color, 0.6), "width": 1}, "pattern": hatch}


def _cell_texts(view: RunView, cells: list[tuple[int, int, Verdict]], decided: bool) -> go.Scatter:
    """The words in the cells: white on solid colour, else in the text colour of wherever the figure is shown."""
    own = [(x, y, v) for x, y, v in cells if (v.outcome is Outcome.CHEAPER) is decided]
    return go.Scatter(
        x=[x for x, _, _ in own],
        y=[y for _, y, _ in own],
        text=[_cell_text(view, verdict) for _, _, verdict in own],
        mode="text",
        textfont={"size": 10, "weight": 600, **({"color": "#ffffff"} if decided else {})},
        hoverinfo="skip",
        showlegend=False,
    )


def _cell_text(view: RunView, verdict: Verdict) -> str:
    if verdict.cheapest is None or verdict.ratio is None:
        return "-"
    return f"{look(view, verdict.cheapest).glyph}<br>{verdict.ratio:.2f}"


def _legend(view: RunView, name: str | None, outcome: Outcome) -> str:
    if name is None:
        return "fewer than two deployments reach it"
    looks = look(view, name)
    how = "decided" if outcome is Outcome.CHEAPER else "UNDECIDED"
    return f"{looks.glyph} {safe(name)}: {how}"


def _verdict_hover(verdict: Verdict) -> str:
    lines = [f"<b>{safe(verdict.operating_point.name)}</b>, {safe(verdict.book)} {safe(verdict.tier)}"]
    for priced in verdict.readings:
        cost = f"{usd(priced.usd_per_mtok)}/Mtok [{interval(priced.low, priced.high)}]"
        lines.append(f"{safe(priced.reading.deployment)}: {cost if priced.reading.reachable else 'not reached'}")
    if verdict.ratio is not None:
        lines.append(f"ratio {ratio(verdict.ratio)} [{ratio(verdict.ratio_low)} to {ratio(verdict.ratio_high)}]")
    return "<br>".join([*lines, verdict.outcome.value])


def _common_start(names: list[str]) -> str:
    """The first part of a dashed name where all names share it, so that a narrow axis need not repeat it."""
    first = names[0].partition("-")[0] + "-" if names else ""
    return first if all(name.startswith(first) for name in names) else ""


def _two_lines(name: str) -> str:
    """A name over two lines, so that it fits above a narrow column."""
    first, _, rest = safe(name).partition(" ")
    return f"{first}<br>{rest}" if rest else first


def cost_ranges_chart(view: RunView) -> Chart:
    """A dot with its interval for each deployment at each operating point, under the headline book and tier."""
    traces = [_range_trace(view, name, place) for place, name in enumerate(view.deployments)]
    count = len(view.conclusions)
    fig = figure(traces, "$ per million tokens (logarithmic)", "", 170 + 26 * count * max(len(traces), 1))
    legend_below(fig).update_xaxes(**log_axis("$"))
    fig.update_yaxes(
        range=[count - 0.5, -0.5],
        tickvals=list(range(count)),
        ticktext=[_two_lines(point.name) for point in view.operating_points],
        showgrid=False,
    )
    for edge in range(1, count):
        fig.add_hline(y=edge - 0.5, line={"color": TEXT, "width": 1, "dash": "dot"}, opacity=0.35)
    headline = view.scenario.headline if view.scenario else None
    mark = " (simulated)" if view.simulated else ""
    return Chart(
        key="ranges",
        title=f"Cost at each operating point under {headline.book} {headline.tier}{mark}" if headline else "Cost",
        caption="Dots: the estimate. Bars: its interval. Bars that overlap much are why a verdict is UNDECIDED; the "
        "verdict itself rests on the interval of the ratio. A deployment without a dot does not reach the point.",
        alt="Dollars per million tokens of each deployment with its interval at each operating point.",
        figure=fig,
    )


def _range_trace(view: RunView, name: str, place: int) -> go.Scatter:
    looks = look(view, name)
    verdicts = [view.headline(conclusion) for conclusion in view.conclusions]
    shown = [
        (row + (place - (len(view.deployments) - 1) / 2) * SPREAD, priced)
        for row, verdict in enumerate(verdicts)
        for priced in (verdict.readings if verdict else ())
        if priced.reading.deployment == name and priced.usd_per_mtok is not None
    ]
    costs = [priced.usd_per_mtok or 0.0 for _, priced in shown]
    return go.Scatter(
        x=costs,
        y=[row for row, _ in shown],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(p.high or cost) - cost for (_, p), cost in zip(shown, costs, strict=True)],
            "arrayminus": [cost - (p.low or cost) for (_, p), cost in zip(shown, costs, strict=True)],
            "thickness": 2,
            "width": 4,
            "color": looks.color,
        },
        mode="markers",
        marker=marker(looks),
        name=looks.label,
        hovertext=[
            f"<b>{looks.label}</b><br>{usd(p.usd_per_mtok)} per million tokens<br>interval {interval(p.low, p.high)}"
            for _, p in shown
        ],
        hoverinfo="text",
    )
