"""The figures of an ablation: the parts as a waterfall, and bytes against time."""

from __future__ import annotations

from itertools import pairwise
from textwrap import wrap

import plotly.graph_objects as go

from inferbench.numerals import significant
from inferbench.render.chart import PALETTE, TEXT, Chart, figure, log_axis, safe
from inferbench.simulator.ablation.result import AblationResult, ExchangeAnswer, WeighingAnswer
from inferbench.simulator.ablation.tables import change

LABEL_WIDTH = 26
"""Characters of a line of a label."""


def ablation_charts(result: AblationResult) -> tuple[Chart, ...]:
    """A waterfall for each weighing, then what fewer bytes are worth in time."""
    return (
        *(waterfall_chart(answer, number) for number, answer in enumerate(result.weighings)),
        exchange_chart(result.exchange),
    )


def waterfall_chart(answer: WeighingAnswer, number: int = 0) -> Chart:
    """Throughput from no part to all of them, a bar per part in the order in which they are turned on.

    number: tells charts of one page apart.
    """
    states = [answer.none, *(effect.in_turn for effect in answer.effects)]
    levels = [state.tokens_s_gpu for state in states]
    steps = [after - before for before, after in pairwise(levels)]
    labels = ["no part", *(effect.part.title for effect in answer.effects), "all parts"]
    texts = [significant(levels[0]), *(change(b / a) for a, b in pairwise(levels)), significant(levels[-1])]
    tpots = [*(state.tpot_ms for state in states), states[-1].tpot_ms]
    fig = figure(
        [
            go.Waterfall(
                orientation="h",
                y=[folded(label) for label in labels],
                x=[levels[0], *steps, 0],
                measure=["absolute", *["relative"] * len(steps), "total"],
                text=texts,
                textposition="outside",
                cliponaxis=False,
                hovertext=[
                    f"{safe(label)}<br>{text} tok/s/GPU, then TPOT {significant(tpot)} ms"
                    for label, text, tpot in zip(labels, texts, tpots, strict=True)
                ],
                hoverinfo="text",
                increasing={"marker": {"color": PALETTE[2]}},
                decreasing={"marker": {"color": PALETTE[1]}},
                totals={"marker": {"color": PALETTE[0]}},
                connector={"line": {"color": TEXT, "width": 1}},
                showlegend=False,
            )
        ],
        "tok/s/GPU (simulated)",
        "",
        120 + 44 * len(labels),
    )
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_xaxes(range=[0, 1.4 * max(levels)], nticks=5)
    at = answer.weighing
    return Chart(
        key=f"waterfall-{number}",
        title=f"What each part adds at {answer.concurrency:,} concurrent: {at.title}",
        caption=f"{at.deployment}, {at.topology}, simulated. Each part is turned on where those above it are on; in "
        "another order the steps differ, their sum does not.",
        alt="Throughput with no part, then the step of each part in turn, then all; the same as the table.",
        figure=fig,
    )


def folded(label: str) -> str:
    """A label over as many short lines as it needs, so that bars keep their room on a narrow page."""
    return "<br>".join(safe(line) for line in wrap(label, LABEL_WIDTH))


def exchange_chart(answer: ExchangeAnswer) -> Chart:
    """How much faster the exchange is, against how many fewer bytes it moves, over tokens of a rank."""
    tokens = [row.tokens for row in answer.rows]
    traces = []
    for name, times, bytes_, color, symbol in (
        ("FP8 and BF16", [r.time_over_fp8 for r in answer.rows], answer.bytes_over_fp8, PALETTE[0], "circle"),
        ("BF16 both ways", [r.time_over_bf16 for r in answer.rows], answer.bytes_over_bf16, PALETTE[1], "square"),
    ):
        traces.append(
            go.Scatter(
                x=tokens, y=times, mode="lines+markers", name=f"time, over {name}",
                marker={"color": color, "symbol": symbol, "size": 8}, line={"color": color, "width": 2},
                hovertemplate="%{x:,} tokens a rank: %{y:.2f}x<extra></extra>",
            )
        )  # fmt: skip
        traces.append(
            go.Scatter(
                x=[tokens[0], tokens[-1]], y=[bytes_, bytes_], mode="lines", name=f"bytes, over {name}",
                line={"color": color, "width": 1.5, "dash": "dot"},
                hovertemplate="%{y:.2f}x fewer bytes<extra></extra>",
            )
        )  # fmt: skip
    fig = figure(traces, "tokens of a rank", "factor by which it shrinks")
    fig.update_xaxes(**log_axis(steps=(1, 3))).update_yaxes(rangemode="tozero")
    fig.add_hline(y=1, line={"color": TEXT, "width": 1.5})
    return Chart(
        key="exchange",
        title="Fewer bytes are not as much less time",
        caption="Dispatch and combine of one layer inside one node, by the kernels' published times. Solid: time; "
        "dotted: bytes. Below the rule at 1 the smaller formats are slower: start-up and quantising do not shrink.",
        alt="Factor in time and in bytes over tokens of a rank; the same as the table.",
        figure=fig,
    )
