"""The table of the client benchmark, and the bars that our client is held to."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client_accuracy import Measured
    from truth import Shape

OURS = "inferbench"
MAX_ERROR = {"ttft_p50": 0.01, "ttft_p99": 0.03, "tpot_p50": 0.002, "tpot_p99": 0.005}
MIN_FLOOR_RATIO = 0.5
MAX_PEAK_MB = 400
COST_SHAPE = "main"
"""The shape at which our CPU time and memory are held to a bar."""
SERVER_LATE_SHARE = 0.2
"""Where the server's own p99 lateness is a larger share of TPOT, the row says so: the client starved the server."""
MARKS = ("<!-- client_accuracy: begin -->", "<!-- client_accuracy: end -->")
HEADINGS = (
    "client, whole process", "TTFT p50 / p99 ms", "error", "TPOT p50 / p99 ms", "error", "most streams open (mean)",
    "CPU s", "token events per CPU-s", "of the floor", "peak MB",
)  # fmt: skip


def truth_of(run: Measured, figure: str) -> float:
    metric, _, percentile = figure.partition("_p")
    return (run.truth.ttft if metric == "ttft" else run.truth.tpot)[int(percentile)]


def error(run: Measured, figure: str) -> float:
    """Signed: what the client reported over what the server did, less one."""
    return run.reported[figure] / truth_of(run, figure) - 1


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


@dataclass(frozen=True)
class Row:
    """One client at one shape: figures are medians over its runs, memory and streams those of the worst run."""

    cells: tuple[str, ...]
    note: str


def make_row(runs: Sequence[Measured]) -> Row:
    good = [run for run in runs if run.reported]

    def value(figure: str, digits: int) -> str:
        return f"{median([run.reported[figure] for run in good]):,.{digits}f}"

    def off(figure: str, digits: int) -> str:
        return f"{median([error(run, figure) for run in good]):+.{digits}%}"

    def pair(show: Callable[[str, int], str], metric: str, digits: int) -> str:
        return f"{show(metric + '_p50', digits)} / {show(metric + '_p99', digits)}" if good else "none"

    ratios = [run.floor_ratio for run in runs if run.floor_ratio is not None]
    notes = sorted({run.problem.splitlines()[-1] for run in runs if run.problem})
    notes += sorted({f"ended with code {run.code}" for run in runs if run.code})
    worst = max(runs, key=lambda run: run.truth.late_p99_ms).truth
    if good and worst.late_p99_ms > SERVER_LATE_SHARE * median([truth_of(run, "tpot_p50") for run in good]):
        notes.append(f"beside it the server was late by {worst.late_p99_ms:,.1f} ms (p99)")
    return Row(
        (
            runs[0].title,
            *(pair(value, "ttft", 1), pair(off, "ttft", 2), pair(value, "tpot", 2), pair(off, "tpot", 3)),
            f"{min(run.truth.most_open for run in runs):,} ({median([run.truth.mean_open for run in runs]):,.0f})",
            f"{median([run.cpu_s for run in runs]):,.2f}",
            f"{median([run.events_per_cpu_s for run in runs]):,.0f}",
            f"{median(ratios):.2f}" if ratios else "1",
            f"{max(run.peak_mb for run in runs):,.0f}",
        ),
        "; ".join(notes),
    )


def make_rows(runs: Sequence[Measured]) -> list[Row]:
    names = dict.fromkeys(run.client for run in runs)
    return [make_row([run for run in runs if run.client == name]) for name in names]


@dataclass(frozen=True)
class Bar:
    """One requirement on our client at one shape."""

    shape: str
    name: str
    measured: str
    allowed: str
    passed: bool

    def __str__(self) -> str:
        return f"{'PASS' if self.passed else 'FAIL'}  {self.shape}: {self.name} {self.measured} ({self.allowed})"


def accuracy_bars(shape: str, runs: Sequence[Measured]) -> list[Bar]:
    found = []
    for figure, allowed in MAX_ERROR.items():
        value = median([abs(error(run, figure)) for run in runs if run.reported])
        name = f"error of {figure[:4].upper()} {figure[5:]}"
        found.append(Bar(shape, name, f"{value:.3%}", f"at most {allowed:.1%}", value <= allowed))
    open_, asked = min(run.truth.most_open for run in runs), runs[0].streams
    found.append(Bar(shape, "streams open at once", f"{open_:,}", f"{asked:,}", open_ == asked))
    missing = sum(run.requests for run in runs) - sum(run.truth.complete for run in runs)
    codes = ", ".join(sorted({str(run.code) for run in runs}))
    found.append(Bar(shape, "exit code (4: it calls its run invalid)", codes, "0", codes == "0"))
    found.append(Bar(shape, "requests not served in full", f"{missing:,}", "none", missing == 0))
    return found


def cost_bars(shape: str, runs: Sequence[Measured]) -> list[Bar]:
    ratio = median([run.floor_ratio for run in runs if run.floor_ratio is not None])
    peak = max(run.peak_mb for run in runs)
    return [
        Bar(shape, "events per CPU-s, of the floor's", f"{ratio:.2f}", f"at least {MIN_FLOOR_RATIO}", ratio >= 0.5),
        Bar(shape, "peak memory", f"{peak:.0f} MB", f"under {MAX_PEAK_MB} MB", peak < MAX_PEAK_MB),
    ]


def bars(runs: Sequence[Measured]) -> list[Bar]:
    """What our client has to reach."""
    found = []
    for shape in dict.fromkeys(run.shape for run in runs):
        mine = [run for run in runs if run.client == OURS and run.shape == shape]
        if mine:
            found += accuracy_bars(shape, mine) + (cost_bars(shape, mine) if shape == COST_SHAPE else [])
    return found


def as_text(runs: Sequence[Measured]) -> str:
    """The rows of one shape, aligned."""
    found = make_rows(runs)
    lines = [HEADINGS, *(row.cells for row in found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*text, *(f"{row.cells[0]}: {row.note}" for row in found if row.note)])


def described(shape: Shape, runs: Sequence[Measured]) -> str:
    ours = [run.truth for run in runs if run.client in {"floor", OURS} and run.reported]

    def span(values: list[float], digits: int) -> str:
        return f"{min(values):,.{digits}f} to {max(values):,.{digits}f} ms" if values else "unknown"

    return (
        f"**{shape.streams:,} streams**, {shape.requests:,} requests of {shape.isl} tokens in and {shape.osl} out; the "
        f"first token after {shape.ttft_ms:,.0f} ms, then one every {shape.tpot_ms:g} ms. What the server really did "
        f"beside the floor and beside ours: TTFT p50 {span([t.ttft[50] for t in ours], 1)}, "
        f"p99 {span([t.ttft[99] for t in ours], 1)}; TPOT p50 {span([t.tpot[50] for t in ours], 3)}. "
        f"It was late by {span([t.late_p99_ms for t in ours], 1)} (p99)."
    )


def as_markdown(runs: Sequence[Measured], shapes: Sequence[Shape], conditions: str) -> str:
    parts = [conditions]
    for shape in shapes:
        here = [run for run in runs if run.shape == shape.name]
        found = make_rows(here)
        lines = ["| " + " | ".join(row.cells) + " |" for row in found]
        parts += [described(shape, here), "\n".join(["| " + " | ".join(HEADINGS) + " |", "|---" * 10 + "|", *lines])]
        parts += [f"{row.cells[0]}: {row.note}." for row in found if row.note]
    lines = ["| at | our client's | measured | bar | |", "|---|---|---|---|---|"]
    lines += [
        f"| {b.shape} | {b.name} | {b.measured} | {b.allowed} | {'met' if b.passed else 'MISSED'} |" for b in bars(runs)
    ]
    return "\n\n".join([*parts, "\n".join(lines)])


def into_page(page: Path, text: str) -> None:
    """Replace what stands between the two marks of a page."""
    old = page.read_text(encoding="utf-8")
    between = re.compile(re.escape(MARKS[0]) + ".*" + re.escape(MARKS[1]), re.DOTALL)
    if not between.search(old):
        raise SystemExit(f"{page} has no block between {MARKS[0]} and {MARKS[1]}")
    page.write_text(between.sub(lambda _: f"{MARKS[0]}\n{text}\n{MARKS[1]}", old), encoding="utf-8")
