"""Draw the picture of the README: a scenario's cost curves and the verdict at each operating point, as SVG.

    python docs/answer.py [RUN]

RUN is the directory of a run; without it the bundled scenario is simulated first. Everything that is drawn is taken
from the run's own cost chart and verdicts. One file each for a light and a dark page: docs/images/answer*.svg.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

import inferbench
from inferbench.comparison.verdict import Outcome, Verdict
from inferbench.numerals import significant
from inferbench.runs.figures.frontier import cost_chart
from inferbench.runs.figures.run_look import look
from inferbench.runs.opened_run import Run
from inferbench.runs.report.view import RunView

SCENARIO = "deepseek-r1-mi355x-vs-b200"
IMAGES = Path(__file__).parent / "images"
THEMES = {
    "answer.svg": {"ink": "#1f2328", "quiet": "#59636e", "rule": "#d1d9e0"},
    "answer-dark.svg": {"ink": "#f0f6fc", "quiet": "#9198a1", "rule": "#3d444d"},
}
"""File name -> text, lesser text and lines, on a page of white and of almost black."""
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
SIGNS = {Outcome.CHEAPER: " ✓", Outcome.UNDECIDED: "?", Outcome.UNREACHABLE: "-"}
MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "P", "x": "X"}
# The same run gives the same bytes: ids from a fixed salt, letters as outlines, no date.
mpl.rcParams.update({"svg.hashsalt": "inferbench", "svg.fonttype": "path", "font.size": 10.5})


def draw(run: Run, folder: Path) -> None:
    """Write the picture of a run of a scenario into `folder`, once for each theme."""
    for name, theme in THEMES.items():
        figure = _picture(run.view(), theme)
        figure.savefig(folder / name, transparent=True, metadata={"Date": None})


def _picture(view: RunView, theme: Mapping[str, str]) -> Figure:
    figure = Figure(figsize=(6.8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    verdicts = [
        v
        for c in view.conclusions
        if (v := view.headline(c)) is not None and v.operating_point.interactivity is not None
    ]
    book, tier = verdicts[0].book, verdicts[0].tier
    _curves(axes, cost_chart(view, book, tier).figure.data)
    _intervals(axes, verdicts, {name: look(view, name).color for name in view.deployments}, theme)
    _label(axes, view, verdicts, theme)
    for line in (axes.xaxis.label, axes.yaxis.label):
        line.set_color(theme["quiet"])
    axes.tick_params(which="both", colors=theme["quiet"])
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme["rule"])
    return figure


def _label(axes: Axes, view: RunView, verdicts: list[Verdict], theme: Mapping[str, str]) -> None:
    outcomes = Counter(str(v.outcome) for v in verdicts)
    said = ", ".join(f"{outcome} at {n} of {len(verdicts)} speeds" for outcome, n in outcomes.items())
    simulated = " (simulated)" if view.simulated else ""
    title = f"What a million tokens cost, by how fast each user gets them{simulated}"
    axes.set_title(f"{title}\n{said}", loc="left", pad=20, fontsize=11, color=theme["ink"])
    axes.set_xlabel("interactivity, tok/s/user")
    axes.set_ylabel(f"$ per million tokens\n{verdicts[0].book} {verdicts[0].tier}")
    axes.set_yscale("log")
    axes.set_xlim(right=max(v.operating_point.interactivity or 0 for v in verdicts) * 1.35)
    ends = [end for v in verdicts for priced in v.readings for end in (priced.low, priced.high) if end is not None]
    if ends:
        axes.set_ylim(min(ends) / 1.5, max(ends) * 1.5)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:g}"))
    legend = axes.legend(frameon=False, loc="lower right", labelcolor=theme["ink"])
    legend.set_title("bars: 90 % intervals; above: what the next\ncheapest costs, ? where UNDECIDED", prop={"size": 9})
    legend.get_title().set_color(theme["quiet"])


def _curves(axes: Axes, traces: Any) -> None:
    """The lines and markers of the report's chart."""
    for trace in traces:
        if trace.fill is not None:  # the widest interval of all: the bars at the operating points say more
            continue
        if "markers" not in trace.mode:
            axes.plot(trace.x, trace.y, color=trace.line.color, linestyle=DASHES[trace.line.dash or "solid"], lw=1.8)
            continue
        shape, _, kind = trace.marker.symbol.partition("-")
        drawn = {"color": trace.marker.color, "marker": MARKERS[shape], "linestyle": "none"}
        if kind == "open":  # simulated, as in the report
            drawn["markerfacecolor"] = "none"
        label = trace.name if trace.showlegend else None
        axes.plot(trace.x, trace.y, **drawn, ms=5 if trace.showlegend else 3, alpha=trace.opacity, label=label)


def _intervals(axes: Axes, verdicts: list[Verdict], colors: Mapping[str, str], theme: Mapping[str, str]) -> None:
    """A rule at each operating point with its verdict on top, and the interval of every cost that it rests on."""
    for verdict in verdicts:
        at = verdict.operating_point.interactivity or 0.0
        axes.axvline(at, color=theme["rule"], lw=1, zorder=0)
        ratio = "" if verdict.ratio is None else f"{significant(verdict.ratio)}x"
        axes.annotate(
            f"{ratio}{SIGNS[verdict.outcome]}", (at, 1), xycoords=("data", "axes fraction"), xytext=(0, 4),
            textcoords="offset points", ha="center", fontsize=10, color=theme["ink"],
        )  # fmt: skip
        reached = [reading for reading in verdict.readings if reading.low is not None and reading.high is not None]
        for place, priced in enumerate(reached):
            x = at + (place - (len(reached) - 1) / 2) * 2.2
            axes.vlines(x, priced.low, priced.high, color=colors[priced.reading.deployment], lw=3, alpha=0.7)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        draw(inferbench.open_run(sys.argv[1]), IMAGES)
    else:
        with tempfile.TemporaryDirectory() as store:
            draw(inferbench.run(SCENARIO, store=store, live=False), IMAGES)
