"""Keeps a run directory's own files up to date while sweep points come in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from inferbench.files.whole_files import sha256
from inferbench.metrics.summary import PointSummary, SweepPoint
from inferbench.records import layout
from inferbench.runs.answers import judge as judging
from inferbench.runs.manifest import ended
from inferbench.runs.sweep import PointOutcome
from inferbench.scenario.read_scenario import price_books
from inferbench.scenario.scenario import Scenario
from inferbench.store.manifest import PointManifest, RunManifest, RunState
from inferbench.store.run_directory import RunDirectory

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
        self._done = dict(kept or {})
        self._attempts = attempts or {}
        self._manifest = manifest
        self._keep()

    @property
    def done(self) -> Collection[str]:
        """Keys of the sweep points that have run."""
        return self._done.keys()

    def _keep(self) -> None:
        self._manifest = self._manifest.model_copy(update={"points": self._entries()})
        self._directory.write_value(layout.MANIFEST, self._manifest)

    def _entries(self) -> tuple[PointManifest, ...]:
        return tuple(entry for _, entry in self._ordered())

    def _ordered(self) -> list[tuple[PointSummary, PointManifest]]:
        """The points that have run, in the scenario's order."""
        return sorted(self._done.values(), key=lambda entry: place_in(self._spec, entry[0].point))

    def add(self, outcome: PointOutcome) -> None:
        """A point has run. The summary goes first: a point is done when the manifest says so."""
        self._done[outcome.summary.point.key] = (outcome.summary, self._point_manifest(outcome))
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
        self._manifest = ended(self._manifest, self._entries(), own, state=state, reason=reason)
        self._directory.write_value(layout.MANIFEST, self._manifest)

    def _point_manifest(self, outcome: PointOutcome) -> PointManifest:
        point = outcome.summary.point
        return PointManifest(
            point=point,
            attempt=self._attempts.get(point.key, 1),
            origin=outcome.summary.origin,
            target=outcome.target,
            prompt_hash=outcome.summary.prompt_hash,
            prompts=outcome.prompts,
            notes=outcome.notes,
            cache_flushed=outcome.cache_flushed,
            anchor=outcome.anchor,
            benchmark_start_time_unix=outcome.began_unix,
            benchmark_end_time_unix=outcome.ended_unix,
            checksums=self._directory.checksums(self._directory.point(point)),
        )


def place_in(spec: Scenario, point: SweepPoint) -> tuple[int, int, int]:
    """Where a sweep point stands in a scenario's order; its load need not be one that the scenario names."""
    names = [deployment.name for deployment in spec.deployments]
    shapes = [topology.name for topology in spec.deployment(point.deployment).topologies]
    return names.index(point.deployment), shapes.index(point.topology), point.concurrency
