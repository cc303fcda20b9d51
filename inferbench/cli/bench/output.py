"""Running one load of `inferbench bench`, and what is printed of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from inferbench.cli.bench.result_file import ResultFile
from inferbench.cli.outcome import failed_code, invalid_code
from inferbench.cli.output import put
from inferbench.errors import ExitCode
from inferbench.loadgen.progress import StopKind

if TYPE_CHECKING:
    from inferbench.loadgen.http.endpoint import Endpoint
    from inferbench.runs.bench.bench import BenchRun, Client
    from inferbench.runs.bench.bench_plan import BenchLoad


def run_once(
    endpoints: Sequence[Endpoint],
    load: BenchLoad,
    client: Client,
    result: ResultFile,
    json: bool,
    store: Path,
    quiet: bool = False,
) -> BenchRun:
    """Run a load, with progress unless `quiet`, and print and write what came of it."""
    from inferbench.cli.progress import progress_bars
    from inferbench.loadgen.progress import Progress
    from inferbench.runs.bench.bench import bench
    from inferbench.runs.sweep import PointProgress

    name = f"concurrency {load.concurrency}"
    with progress_bars({name: load.requests}, hidden=quiet) as on_progress:

        def watch(progress: Progress) -> None:
            on_progress(
                PointProgress(name, name, progress.planned, progress.ended, progress.in_flight, progress.failed)
            )

        done = bench(endpoints, load, client, store=store, on_progress=watch, command=sys.argv)
    content = result.content(endpoints[0], load, done)
    if result.wanted:
        print(f"Result file: {result.write(content, load)}", file=sys.stderr)
    if json:
        put(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.flush()
    else:
        _show(done)
    return done


def _show(done: BenchRun) -> None:
    from inferbench.cli.console import say, show
    from inferbench.runs.report.sweep_tables import bench_table

    show(bench_table(done.summary))
    for note in done.notes:
        say(f"Note: {note}.")
    print(f"Run: {done.run.path}")


_STOPPED: Mapping[StopKind | None, ExitCode] = {
    StopKind.SILENT: ExitCode.ENDPOINT,
    StopKind.UNRECORDED: ExitCode.USAGE,
}


def code_of(done: BenchRun, allowed: float | None) -> ExitCode:
    """How a run ended, as an exit code; each that is not OK says why on stderr.

    `allowed` is the share of requests that may fail, None where nobody said.
    """
    from inferbench.loadgen.health.remedies import what_helps
    from inferbench.metrics.failure_kinds import listing, sentence

    counts, kinds = done.summary.counts, done.summary.failures
    if done.lost:
        print(f"inferbench: INVALID: {done.stop_reason}{what_helps(done.summary.client)}", file=sys.stderr)
        return ExitCode.INVALID
    if done.stop_reason is not None:
        if counts.ok:
            invalid_code([done.summary], named=False)
        how = "" if done.interrupted or not kinds else f": {listing(kinds)}"
        print(f"inferbench: stopped early: {done.stop_reason}{how}", file=sys.stderr)
        return done.interrupted.exit_code if done.interrupted else _STOPPED.get(done.stop_kind, ExitCode.ERROR_RATE)
    if counts.ok == 0:
        print(f"inferbench: no request succeeded: {sentence(counts, kinds)}", file=sys.stderr)
        return ExitCode.ENDPOINT
    codes = (
        invalid_code([done.summary], named=False),
        failed_code([done.summary], allowed, named=False),
    )
    return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


def show_repeats(load: BenchLoad, runs: Sequence[BenchRun]) -> None:
    """Print what repeats say together."""
    from inferbench.cli.console import show
    from inferbench.runs.bench.repeats import repeats_table

    show(repeats_table([done.summary for done in runs], f"{len(runs)} runs at {load.concurrency} streams"))
