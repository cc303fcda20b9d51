"""`inferbench twin search`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.lists import parse_list
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.metrics.catalog import TPOT, TPUT_PER_GPU, TTFT
from inferbench.simulator.steady_state.topology_search import SearchLimits

METRICS = (TPOT.name, TTFT.name)


def search(
    gpu: Annotated[str, typer.Option(help="GPU.")] = "mi355x",
    framework: Annotated[str, typer.Option(help="Serving stack that the twin has constants for.")] = "sglang",
    precision: Annotated[str, typer.Option(help="fp4, fp8 or bf16.")] = "fp4",
    model: Annotated[str, typer.Option(help="Model.")] = "deepseek-r1-0528",
    gpus: Annotated[str, typer.Option(metavar="LEAST..MOST", help="GPUs of the whole deployment.")] = "8..72",
    slo: Annotated[list[str] | None, typer.Option(help="Limits on medians in ms: tpot:10,ttft:3000.")] = None,
    isl: Annotated[int, typer.Option(min=1, help="Longest prompt; the shortest is 0.8 of it.")] = 8192,
    osl: Annotated[int, typer.Option(min=2, help="Longest output.")] = 1024,
    best: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
    points: Annotated[Path | None, typer.Option(help="CSV of measured points: show the nearest to each.")] = None,
) -> None:
    """Find the topologies that serve the most tokens per GPU within latency limits.

    By the twin's steady state; each figure has the interval of its class.
    """
    from inferbench.cli.console import show
    from inferbench.evidence.points_csv import read_points
    from inferbench.render.table import Column, Table
    from inferbench.runs.topology_search import nearest, search_topologies

    limits = _limits(gpus, slo or [])
    known = None if points is None else read_points(points)
    found = search_topologies(gpu, framework, precision, limits, isl, osl, model, best)
    rows = []
    for each in found:
        near = nearest(known, each, gpu, framework, precision, isl) if known is not None else None
        measured = (
            "" if near is None else f"{near.prefill}/{near.decode} c{near.concurrency}: {near.tokens_s_gpu or 0:,.0f}"
        )
        rows.append(
            (
                each.topology.name,
                str(each.topology.total_gpus),
                str(each.concurrency),
                f"{each.tokens_s_gpu:,.0f}",
                f"±{each.half_width * 100:.0f} %",
                f"{each.tpot_ms:.1f}",
                f"{each.ttft_ms:,.0f}",
                *([measured] if points is not None else []),
            )
        )
    columns: tuple[Column, ...] = (
        Column("topology", align="left"), Column("GPUs"), Column("concurrency"), Column(TPUT_PER_GPU.unit),
        Column("90 %"), *(Column(metric.label, metric.unit) for metric in (TPOT, TTFT)),
    )  # fmt: skip
    if points is not None:
        columns += (Column("nearest measured", TPUT_PER_GPU.unit, align="left"),)
    show(Table("Best topologies (simulated, steady state)", columns, tuple(rows), note="Medians of whole runs."))


def _limits(gpus: str, slo: list[str]) -> SearchLimits:
    least, separator, most = gpus.partition("..")
    if not separator or not least.isdigit() or not most.isdigit() or not 0 < int(least) <= int(most):
        raise UsageError(f"--gpus: {gpus!r} is not LEAST..MOST, such as 8..72")
    given: dict[str, float] = {}
    for part in parse_list("--slo", slo, str, "METRIC:MS"):
        metric, _, text = part.partition(":")
        if metric not in METRICS:
            raise UsageError(f"--slo: {unknown('metric', metric, METRICS)}")
        try:
            given[metric] = float(text)
        except ValueError:
            raise UsageError(f"--slo: {part!r} is not METRIC:MS, such as tpot:10") from None
    return SearchLimits((int(least), int(most)), *(given.get(name) for name in METRICS))
