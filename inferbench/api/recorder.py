"""Keeps a run directory's own files up to date while sweep points come in."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..domain.manifest import PointManifest, RunManifest, RunState, TargetIdentity
from ..domain.scenario import Scenario
from ..domain.summary import Origin, PointSummary
from ..store import layout
from ..store.rundir import RunDirectory, sha256
from . import judging
from .catalogue import price_books
from .identity import twin_parameters_sha256
from .sweep import PointOutcome, TwinJob, jobs

Kept = Mapping[str, tuple[PointSummary, PointManifest]]
"""What is known of the points that have run, by key."""


class Recorder:
    """Writes what a run knows, so that a killed run still has every point that had ended.

    `kept` are points that an earlier process measured; `attempts` are the numbers of the attempts to come, where one
    is not the first.
    """

    def __init__(
        self,
        spec: Scenario,
        directory: RunDirectory,
        manifest: RunManifest,
        kept: Kept | None = None,
        attempts: Mapping[str, int] | None = None,
    ) -> None:
        self._spec, self._directory = spec, directory
        self._books = price_books(spec)
        self._jobs = jobs(spec, directory.point)
        self._done = dict(kept or {})
        self._attempts = attempts or {}
        self._manifest = manifest
        self._keep()

    def jobs_left(self) -> list[TwinJob]:
        """The sweep points that have not run."""
        return [job for job in self._jobs if job.point.key not in self._done]

    def _keep(self, **changed: object) -> None:
        points = tuple(manifest for _, manifest in self._ordered())
        self._manifest = self._manifest.model_copy(update={"points": points, **changed})
        self._directory.write_value(layout.MANIFEST, self._manifest)

    def _ordered(self) -> list[tuple[PointSummary, PointManifest]]:
        return [self._done[job.point.key] for job in self._jobs if job.point.key in self._done]

    def add(self, outcome: PointOutcome) -> None:
        """A point has run. The summary goes first: a point is done when the manifest says so."""
        self._done[outcome.job.point.key] = (outcome.summary, self._point_manifest(outcome))
        self._write_summaries()
        self._keep()

    def _write_summaries(self) -> list[PointSummary]:
        summaries = [summary for summary, _ in self._ordered()]
        self._directory.write_value(layout.SUMMARY, summaries)
        return summaries

    def judge(self) -> None:
        """Write costs and conclusions of the points that have run."""
        summaries = self._write_summaries()
        self._directory.write_value(layout.COST, judging.costs(summaries, self._spec, self._books))
        self._directory.write_value(layout.VERDICT, judging.conclusions(summaries, self._spec, self._books))

    def finish(self, state: RunState, reason: str | None = None) -> None:
        """Write the manifest's last version."""
        own = {p.name: sha256(p) for p in sorted(self._directory.path.glob("*.json")) if p.name != layout.MANIFEST}
        self._keep(state=state, reason=reason, benchmark_end_time_unix=time.time(), checksums=own)

    def _point_manifest(self, outcome: PointOutcome) -> PointManifest:
        job = outcome.job
        return PointManifest(
            point=job.point,
            attempt=self._attempts.get(job.point.key, 1),
            origin=Origin.SIMULATED,
            target=TargetIdentity(
                kind="twin",
                engine=job.deployment.stack.framework,
                model=job.model.hugging_face_id,
                gpu=job.deployment.gpu,
                precision=job.deployment.precision,
                twin_parameters=twin_parameters_sha256(),
            ),
            prompt_hash=outcome.summary.prompt_hash,
            anchor=outcome.anchor,
            benchmark_start_time_unix=outcome.began_unix,
            benchmark_end_time_unix=outcome.ended_unix,
            checksums=self._directory.checksums(job.directory),
        )
