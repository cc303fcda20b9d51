"""How right a client is about what a server did, and what that costs: `make bench`.

    python benchmarks/client_accuracy.py [--quick] [--repeats N] [--markdown docs/client.md]

A server in C sends tokens on a fixed schedule and keeps its own record (truth_server.c). Each client puts the same
load on it, and what the client reports is held against the server's record of that same run. What a client costs is
held against the least that a client can cost (floor_client.c), run in turn with it. docs/client.md tells more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import accounting
import clients
from accuracy_table import as_markdown, as_text, bars, into_page
from clients import Client, Figures
from truth import NoCompilerError, Shape, Truth, build, serving

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
MAIN = Shape("main", streams=2_048, requests=8_192, osl=100, ttft_ms=500, tpot_ms=50)
WIDE = Shape("wide", streams=16_384, requests=32_768, osl=25, ttft_ms=2_000, tpot_ms=250)
QUICK_REQUESTS = 4_096
"""All that peers ever get, and everybody with --quick."""
LIMIT_S = 400
"""Longest that one run may take."""


@dataclass(frozen=True)
class Measured:
    """One run of one client."""

    client: str
    title: str
    shape: str
    streams: int
    requests: int
    reported: Figures
    truth: Truth
    code: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    peak_main_mb: float
    problem: str | None
    """Why there are no figures; the last line says it in short."""
    floor_ratio: float | None = None
    """Token events per CPU-second over the floor's of the same round."""

    @property
    def events_per_cpu_s(self) -> float:
        return self.truth.tokens / self.cpu_s


def measure(client: Client, shape: Shape, server: Path, limit_s: float = LIMIT_S) -> Measured:
    """Run a client once against a server of its own."""
    with tempfile.TemporaryDirectory() as temporary, serving(server, shape) as running:
        folder = Path(temporary)
        account = accounting.run(client.command(running.url, shape, folder), folder / "log", limit_s)
        truth, reported, problem = running.stop(), Figures(), None
        try:
            reported = client.figures(folder)
        except (OSError, ValueError, LookupError, StopIteration):
            problem = f"{account.output[-2000:]}\nleft no figures"
    return Measured(
        client=client.name, title=client.title, shape=shape.name, streams=shape.streams, requests=shape.requests,
        reported=reported, truth=truth, code=account.code, wall_s=account.wall_s, cpu_s=account.cpu_s,
        peak_mb=account.peak_mb, peak_main_mb=account.peak_main_mb, problem=problem,
    )  # fmt: skip


def measure_round(chosen: Sequence[Client], shape: Shape, server: Path, limit_s: float = LIMIT_S) -> list[Measured]:
    """Every client once, the floor first; the others with their ratio to that floor."""
    found: list[Measured] = []
    for client in chosen:
        requests = min(shape.requests, QUICK_REQUESTS) if client.peer else shape.requests
        one = measure(client, replace(shape, requests=requests), server, limit_s)
        if found:
            one = replace(one, floor_ratio=one.events_per_cpu_s / found[0].events_per_cpu_s)
        print(f"{shape.name}: {client.name} took {one.wall_s:.0f} s {one.problem or ''}", file=sys.stderr, flush=True)
        found.append(one)
    return found


def fits(shape: Shape) -> bool:
    """Raise the limit on open files for this process and those it starts; whether the shape's sockets fit in it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < shape.streams + 200:
        print(f"left out: {shape.streams:,} streams need as many open files, and the limit here is {hard:,}")
        return False
    return True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only 2,048 streams, with 4,096 requests")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, clients in turn; medians are shown [3]")
    parser.add_argument("--shapes", default="main,wide", help="main: 2,048 streams; wide: 16,384")
    parser.add_argument("--clients", help="comma list of inferbench, aiperf, guidellm, vllm; default: all there are")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    parser.add_argument("--markdown", type=Path, help="replace the table in this page")
    parser.add_argument("--strict", action="store_true", help="exit code 1 where a bar is missed")
    return parser.parse_args()


def measure_all(options: argparse.Namespace, shapes: Sequence[Shape]) -> list[Measured]:
    server, everyone = build("truth_server", BUILD), [clients.floor(build("floor_client", BUILD))]
    everyone += [
        client
        for client in (clients.ours(), *clients.installed_peers())
        if not options.clients or client.name in options.clients.split(",")
    ]
    runs: list[Measured] = []
    for shape in shapes:
        for turn in range(options.repeats):
            # Peers run once, and at the first shape only: they need minutes for it, and the second is beyond them.
            chosen = [c for c in everyone if not c.peer or (turn == 0 and shape.name == MAIN.name)]
            runs += measure_round(chosen, shape, server)
        print(
            f"{shape.name}: {shape.streams:,} streams\n{as_text([r for r in runs if r.shape == shape.name])}\n",
            flush=True,
        )
    return runs


def main() -> int:
    options, load_before = arguments(), os.getloadavg()[0]
    shapes = [replace(MAIN, requests=QUICK_REQUESTS)] if options.quick else [MAIN, WIDE]
    shapes = [shape for shape in shapes if shape.name in options.shapes.split(",") and fits(shape)]
    try:
        runs = measure_all(options, shapes)
    except NoCompilerError as missing:
        print(f"left out: {missing}")
        return 0
    verdicts = bars(runs)
    print("\n".join(str(bar) for bar in verdicts))
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1), encoding="utf-8")
    if options.markdown:
        conditions = (
            f"{len(os.sched_getaffinity(0))} cores shared with the server, Python {platform.python_version()}; medians "
            f"of {options.repeats} runs each, in turn (peers: one run of {QUICK_REQUESTS:,} requests). "
            f"Load average of the machine when it began: {load_before:.1f}."
        )
        into_page(options.markdown, as_markdown(runs, shapes, conditions))
    return 1 if options.strict and not all(bar.passed for bar in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
