"""Running a scenario: sweep, summaries, costs, conclusions, live leg, page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..domain.errors import InferbenchError
from ..domain.manifest import PointManifest, RunManifest, RunState, TargetIdentity
from ..domain.scenario import Scenario
from ..domain.summary import Origin, PointSummary
from ..loadgen.drive import INTERRUPTED
from ..store import layout
from ..store.rundir import DEFAULT_STORE, RunDirectory, sha256
from . import judging
from .catalogue import find, load_scenario, price_books
from .identity import book_stamps, client_host, twin_parameters_sha256
from .live import run_live_leg
from .runs import Run
from .sweep import OnProgress, PointOutcome, PointProgress, jobs, run_jobs


def _silent(progress: PointProgress) -> None:
    """Show nothing."""


def run(
    scenario: str | Path,
    *,
    store: str | Path = DEFAULT_STORE,
    live: bool = True,
    workers: int | None = None,
    on_progress: OnProgress = _silent,
    command: Sequence[str] = (),
) -> Run:
    """Run a scenario on the twin and return what came of it.

    `scenario` is a file or the name of a bundled one; `workers` is how many processes share the sweep points
    (one a core by default) and changes no result. Everything is written to `<store>/<scenario>/<run_id>/`.
    After Ctrl-C the run holds what had been measured, marked partial. Raises FileError for a scenario or price
    book that cannot be used, StoreError where the store cannot be written.
    """
    path = find("scenarios", str(scenario))
    spec = load_scenario(path)
    directory = RunDirectory.create(Path(store), spec.name)
    directory.write(layout.SCENARIO, path.read_bytes())
    recorder = _Recorder(spec, directory, path, command)
    try:
        for outcome in run_jobs(jobs(spec, directory.point), workers, on_progress):
            recorder.add(outcome)
        recorder.judge()
        if live and spec.live is not None:
            result = run_live_leg(spec.live, directory.path / layout.POINTS, on_progress)
            directory.write_value(layout.LIVE, result)
    except KeyboardInterrupt:
        recorder.judge()
        recorder.finish(RunState.PARTIAL, INTERRUPTED)
        raise
    except InferbenchError as error:
        with suppress(InferbenchError):  # a full disk may not hold that either
            recorder.finish(RunState.PARTIAL, str(error))
        raise
    finished = Run(directory)
    recorder.finish(RunState.COMPLETE)
    finished.write_report()
    return finished


class _Recorder:
    """Keeps the run directory's own files up to date while points come in."""

    def __init__(self, spec: Scenario, directory: RunDirectory, path: Path, command: Sequence[str]) -> None:
        self._spec, self._directory = spec, directory
        self._books = price_books(spec)
        self._order = [job.point.key for job in jobs(spec, directory.point)]
        self._done: dict[str, tuple[PointSummary, PointManifest]] = {}
        self._manifest = RunManifest(
            format=1,
            run_id=directory.run_id,
            kind="run",
            state=RunState.RUNNING,
            scenario=spec.name,
            scenario_sha256=sha256(path),
            command=tuple(command),
            seed=spec.load.seed,
            host=client_host(),
            benchmark_start_time_unix=time.time(),
            benchmark_end_time_unix=None,
            price_books=book_stamps(spec.price_books, self._books),
        )
        self._write(self._manifest)

    def _write(self, manifest: RunManifest) -> None:
        self._manifest = manifest
        self._directory.write_value(layout.MANIFEST, manifest)

    def _ordered(self) -> list[tuple[PointSummary, PointManifest]]:
        return [self._done[key] for key in self._order if key in self._done]

    @property
    def _summaries(self) -> list[PointSummary]:
        return [summary for summary, _ in self._ordered()]

    def add(self, outcome: PointOutcome) -> None:
        """A point has run: from here on a killed run still has it."""
        self._done[outcome.job.point.key] = (outcome.summary, self._point_manifest(outcome))
        self._directory.write_value(layout.SUMMARY, self._summaries)
        points = tuple(manifest for _, manifest in self._ordered())
        self._write(self._manifest.model_copy(update={"points": points}))

    def judge(self) -> None:
        """Write costs and conclusions of the points that have run."""
        summaries = self._summaries
        self._directory.write_value(layout.COST, judging.costs(summaries, self._spec, self._books))
        self._directory.write_value(layout.VERDICT, judging.conclusions(summaries, self._spec, self._books))

    def finish(self, state: RunState, reason: str | None = None) -> None:
        """Write the manifest's last version."""
        own = {p.name: sha256(p) for p in sorted(self._directory.path.glob("*.json")) if p.name != layout.MANIFEST}
        changed = {"state": state, "reason": reason, "benchmark_end_time_unix": time.time(), "checksums": own}
        self._write(self._manifest.model_copy(update=changed))

    def _point_manifest(self, outcome: PointOutcome) -> PointManifest:
        job = outcome.job
        return PointManifest(
            point=job.point,
            attempt=1,
            origin=Origin.SIMULATED,
            target=TargetIdentity(
                kind="twin",
                engine=job.deployment.stack.framework,
                model=job.model.hugging_face_id,
                gpu=job.deployment.gpu,
                twin_parameters=twin_parameters_sha256(),
            ),
            prompt_hash=outcome.summary.prompt_hash,
            anchor=outcome.anchor,
            benchmark_start_time_unix=outcome.began_unix,
            benchmark_end_time_unix=outcome.ended_unix,
            checksums=self._directory.checksums(job.directory),
        )
