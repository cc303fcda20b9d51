"""A run, opened: what it measured, as values and as data frames."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from inferbench.comparison.verdict import Conclusion, FrontierPoint
from inferbench.errors import StoreError, UsageError
from inferbench.files.spelling import unknown
from inferbench.files.untrusted_files import inside
from inferbench.files.whole_files import sha256
from inferbench.files.yaml_values import read_value
from inferbench.loadgen.health.live_check import LiveResult
from inferbench.metrics.summary import PointSummary
from inferbench.records import layout
from inferbench.scenario.scenario import Scenario
from inferbench.store.evaluation_files import Evaluation
from inferbench.store.liveness import as_it_is
from inferbench.store.manifest import RunManifest
from inferbench.store.run_directory import RunDirectory
from inferbench.telemetry.timeline import WatchedPoint
from inferbench.token_cost.cost import Cost

if TYPE_CHECKING:
    import pandas as pd

    from inferbench.runs.report.view import RunView


class Run:
    """A run directory as values; nothing is computed that its files do not hold."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    @property
    def path(self) -> Path:
        """Where the run lies."""
        return self.directory.path

    @cached_property
    def manifest(self) -> RunManifest:
        """What made the run's numbers; it is BROKEN where the run never ended and nobody writes it any more."""
        return as_it_is(self.directory.manifest(), self.path)

    @cached_property
    def scenario(self) -> Scenario | None:
        """The scenario as it was when the run was made, with the run's own seed; None for an ad-hoc run."""
        path = inside(self.path, layout.SCENARIO)
        if not path.exists():
            return None
        if self.manifest.scenario_sha256 not in (None, sha256(path)):
            raise StoreError(f"{path}: changed since the run began: its checksum is not the manifest's")
        return with_seed(read_value(path, Scenario), self.manifest.seed)

    @cached_property
    def summaries(self) -> tuple[PointSummary, ...]:
        """One summary per sweep point, in the scenario's order. Raises StoreError for one of no point of the run."""
        found = self.directory.summaries()
        if self.scenario is None:
            known = {(entry.point.deployment, entry.point.topology) for entry in self.manifest.points}
        else:
            known = {(d.name, t.name) for d in self.scenario.deployments for t in d.topologies}
        for point in (summary.point for summary in found):
            if (point.deployment, point.topology) not in known:
                raise StoreError(f"{self.path}: {layout.SUMMARY}: {point.key!r} is no point of this run")
        return found

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """One cost per sweep point, price book and tier."""
        return self.directory.costs()

    @cached_property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """One conclusion per operating point, with the verdicts that it rests on."""
        return self.directory.conclusions()

    @cached_property
    def live(self) -> LiveResult | None:
        """The live leg, None where there was none."""
        return self.directory.live()

    @cached_property
    def evaluations(self) -> dict[str, tuple[Evaluation, ...]]:
        """What the run's store holds on the answers of the launches that were measured, by fingerprint."""
        from inferbench.store.evaluation_files import read_evaluations

        store = self.path.resolve().parents[1]
        return {a.fingerprint: read_evaluations(store, a.fingerprint) for a in self.manifest.attachments}

    @cached_property
    def watched(self) -> tuple[WatchedPoint, ...]:
        """Timeline and bottleneck of each sweep point whose servers were watched."""
        from inferbench.runs.measure.monitored_deployment import watched
        from inferbench.store.verify import whole_point
        from inferbench.telemetry.storage import has_telemetry

        anchors = {entry.point.key: entry.anchor for entry in self.manifest.points}
        found = (
            watched(summary, whole_point(self.directory, self.manifest, summary.point.key), anchors[summary.point.key])
            for summary in self.summaries
            if summary.point.key in anchors and has_telemetry(self.directory.point(summary.point))
        )
        return tuple(point for point in found if point is not None)

    @cached_property
    def fronts(self) -> dict[str, tuple[FrontierPoint, ...]]:
        """The Pareto front of each deployment, tok/s/GPU against interactivity, over the whole run."""
        from inferbench.runs.answers.judge import fronts

        return fronts(self.summaries)

    def points(self) -> pd.DataFrame:
        """One row per sweep point: where it stands, its latencies and its throughput, whole run and window."""
        from inferbench.runs.frames import points_frame

        return points_frame(self.summaries)

    def cost_table(self) -> pd.DataFrame:
        """One row per sweep point, price book and tier."""
        from inferbench.runs.frames import costs_frame

        return costs_frame(self.costs)

    def records(self, key: str) -> pd.DataFrame:
        """One row per request of a sweep point, whose name is `key` (`SweepPoint.key`), times in ns on the run's clock.

        Raises UsageError where the run has no such point, StoreError where its records are damaged.
        """
        from inferbench.runs.frames import records_frame
        from inferbench.store.verify import whole_point

        keys = [s.point.key for s in self.summaries]
        if key not in keys:
            raise UsageError(unknown("sweep point", key, keys))
        return records_frame(whole_point(self.directory, self.manifest, key))

    def view(self) -> RunView:
        """The run as its reports need it."""
        from inferbench.runs.report.view import RunView

        return RunView(
            manifest=self.manifest,
            scenario=self.scenario,
            summaries=self.summaries,
            fronts=self.fronts if self.scenario else {},
            costs=self.costs,
            conclusions=self.conclusions,
            live=self.live,
            audit=self.directory.audit(),
            evaluations=self.evaluations,
            watched=self.watched,
        )

    def write_report(self) -> Path:
        """Write the run's page and return its path."""
        from inferbench.runs.report.page import render_html

        self.directory.write(layout.REPORT, render_html(self.view()).encode())
        return self.path / layout.REPORT


def open_run(path: str | Path) -> Run:
    """Open the run directory at `path`. Raises StoreError where it is none, is damaged, or has a newer format."""
    run = Run(RunDirectory.open(Path(path)))
    _ = run.manifest  # a damaged run says so here and not later
    return run


def with_seed(scenario: Scenario, seed: int) -> Scenario:
    """A scenario under another seed: other lengths and prompts, drawn from the same distributions."""
    return scenario.model_copy(update={"load": scenario.load.model_copy(update={"seed": seed})})
