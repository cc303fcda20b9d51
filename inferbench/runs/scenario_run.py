"""Running a scenario: sweep, summaries, costs, conclusions, live leg, page. Once, several times, or interleaved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from inferbench.catalog.bundled import find
from inferbench.errors import Interruption, reason_of
from inferbench.files.whole_files import sha256
from inferbench.loadgen.stop_signals import raising_at_ctrl_c
from inferbench.records import layout
from inferbench.runs.live_leg import run_live_leg
from inferbench.runs.manifest import begun
from inferbench.runs.opened_run import Run, with_seed
from inferbench.runs.provenance import book_stamps
from inferbench.runs.recorder import Recorder
from inferbench.runs.sweep import OnProgress, PointOutcome, PointProgress, jobs, run_jobs
from inferbench.scenario.caveats import Caveat
from inferbench.scenario.deployment import Deployment
from inferbench.scenario.launch_caveats import caveats_of_deployment
from inferbench.scenario.read_scenario import load_scenario, price_books
from inferbench.scenario.scenario import Scenario
from inferbench.store.liveness import how_to_go_on
from inferbench.store.manifest import RunManifest, RunState
from inferbench.store.run_directory import DEFAULT_STORE, RunDirectory

if TYPE_CHECKING:
    from inferbench.store.storage_backends import StorageBackend


def silent(progress: PointProgress) -> None:
    """Show nothing."""


def run(
    scenario: str | Path,
    *,
    store: str | Path = DEFAULT_STORE,
    live: bool = True,
    workers: int | None = None,
    on_progress: OnProgress = silent,
    command: Sequence[str] = (),
    seed: int | None = None,
) -> Run:
    """Run a scenario on the twin and return what came of it.

    `scenario` is a file or the name of a bundled one; `live` says whether to end with its live leg, a short run over
    loopback that checks the client; `workers` is how many processes share the sweep points (one a core by default) and
    changes no result; `seed` takes the place of the scenario's own. `on_progress` is told a few times a second how far
    a sweep point is; `command` is kept in the manifest as what was typed. Everything is written to
    `<store>/<scenario>/<run_id>/`; where `store` is an object store's URL, to `reports/` first, and copied when it has
    ended. Whatever ends it early, Ctrl-C included, leaves a run that holds what had been measured, marked partial.
    The model of the twin and the source of each constant: docs/twin.md.
    Raises FileError for a scenario or price book that cannot be used, StoreError where the store cannot be written,
    StoppedError where a process that simulates was killed.
    """
    path = find("scenarios", str(scenario))
    spec = load_scenario(path)
    if seed is not None:
        spec = with_seed(spec, seed)
    backend = remote(store)  # a URL that cannot be used is refused before any load
    directory = RunDirectory.create(DEFAULT_STORE if backend else Path(store), spec.name)
    directory.write(layout.SCENARIO, path.read_bytes())
    with directory.lock():
        todo = jobs(spec, directory.point)
        recorder = Recorder(spec, directory, new_manifest(spec, directory, path, command))
        outcomes = run_jobs(todo, workers, on_progress)
        finished = carry_out(spec, directory, recorder, outcomes, live=live, on_progress=on_progress)
    copy_to(backend, finished)
    return finished


def copy_to(backend: StorageBackend | None, finished: Run) -> None:
    """Copy a run that has ended to an object store; do nothing where there is none."""
    if backend is not None:
        from inferbench.store.storage_backends import push

        push(finished.path, backend)


def remote(store: str | Path) -> StorageBackend | None:
    """The object store that a URL names; None for a directory."""
    if "://" not in str(store):
        return None
    from inferbench.store.storage_backends import open_backend  # pyarrow, only where it is needed

    return open_backend(store)


def run_repeats(
    scenarios: Sequence[str | Path],
    repeats: int,
    *,
    store: str | Path = DEFAULT_STORE,
    live: bool = True,
    workers: int | None = None,
    watching: Callable[[Scenario], AbstractContextManager[OnProgress]] = lambda _: nullcontext(silent),
    command: Sequence[str] = (),
) -> Iterator[Run]:
    """Run scenarios A, B, ... so many times each, interleaved: A B A B. Each run is yielded when it has ended.

    Repeat i of every scenario has seed + i: the twin gives the same figures for the same seed, so that what differs
    between its repeats is the load that was drawn and the noise of the run (`twin.run_noise`). The live leg checks the
    client once, with the first repeat.
    `watching` is entered around each run, and gives what is told of its progress.
    """
    specs = [load_scenario(scenario) for scenario in scenarios]  # all of them, before the first load is sent
    for repeat in range(repeats):
        for scenario, spec in zip(scenarios, specs, strict=True):
            with watching(spec) as on_progress:
                finished = run(
                    scenario,
                    store=store,
                    live=live and repeat == 0,
                    workers=workers,
                    on_progress=on_progress,
                    command=command,
                    seed=spec.load.seed + repeat,
                )
            yield finished


def carry_out(
    spec: Scenario,
    directory: RunDirectory,
    recorder: Recorder,
    outcomes: Iterable[PointOutcome],
    *,
    live: bool,
    on_progress: OnProgress,
) -> Run:
    """Take in the sweep points as they are run, and end the run. Whoever calls holds the directory's lock."""
    finished = Run(directory)
    try:
        with raising_at_ctrl_c():
            for outcome in outcomes:
                recorder.add(outcome)
            recorder.judge()
            if live and spec.live is not None and not (directory.path / layout.LIVE).exists():
                result = run_live_leg(spec.live, directory.path / layout.POINTS, on_progress)
                directory.write_value(layout.LIVE, result)
            recorder.finish(RunState.COMPLETE)
    except BaseException as error:
        _end_early(recorder, reason_of(error))
        if isinstance(error, KeyboardInterrupt):
            raise Interruption(Interruption.of(error).number, _kept(spec, directory)) from None
        raise
    finished.write_report()
    return finished


def _end_early(recorder: Recorder, reason: str) -> None:
    """Keep what there is, and why there is no more. A full disk may not hold that either."""
    try:
        with suppress(Exception):
            recorder.judge()
    finally:
        with suppress(Exception):
            recorder.finish(RunState.PARTIAL, reason)


def _kept(spec: Scenario, directory: RunDirectory) -> str:
    """What there is of a run that was interrupted, and how to go on with it."""
    points = sum(len(topology.concurrency) for deployment in spec.deployments for topology in deployment.topologies)
    done = sum(not summary.partial for summary in directory.summaries())
    go_on = how_to_go_on(directory.manifest(), directory.path)
    return f"{done} of {points} sweep points are kept in {directory.path}; {go_on}"


def new_manifest(spec: Scenario, directory: RunDirectory, path: Path, command: Sequence[str]) -> RunManifest:
    """The manifest of a run that begins."""
    return begun(
        directory,
        "run",
        spec.name,
        spec.load.seed,
        command,
        scenario_sha256=sha256(path),
        price_books=book_stamps(spec.price_books, price_books(spec)),
        unlike_production={d.name: marks for d in spec.deployments if any((marks := _marks(d)).values())},
    )


def _marks(deployment: Deployment) -> dict[str, tuple[Caveat, ...]]:
    return {topology.name: caveats_of_deployment(deployment, topology) for topology in deployment.topologies}
