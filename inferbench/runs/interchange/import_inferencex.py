"""Importing published points as a run: summaries without records, the points as published, and their audit."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from inferbench.audits.known_facts import audit_measured
from inferbench.endpoint.fingerprint import TargetIdentity
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.formats.inferencex.published_summary import PROMPT_HASH, assumed, summary_of
from inferbench.formats.inferencex.reader import read_inferencex
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.metrics.summary import Origin, PointSummary
from inferbench.records import layout
from inferbench.runs.manifest import begun, ended
from inferbench.runs.opened_run import Run
from inferbench.store.manifest import PointManifest, RunManifest
from inferbench.store.run_directory import DEFAULT_STORE, RunDirectory
from inferbench.units import NS_PER_S

SCENARIO = "imported"
DAY_S = 86_400


def import_inferencex(
    path: str | Path,
    *,
    store: str | Path = DEFAULT_STORE,
    said: Mapping[str, str] | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Import a file or folder of InferenceX's formats into a run directory.

    `path` is where they lie; the run is written to `<store>/imported/<run_id>/`, with `command` as what was typed.
    `said` is what a client's own result does not say: gpu, gpus, framework, precision. A row that cannot be used is
    left out and named in the audit's notes. Raises FileError where no row can be used.
    """
    path = Path(path)
    imported = read_inferencex(path, said)
    usable = [point for point in imported.points if point.concurrency is not None]
    seen: Counter[str] = Counter()
    summaries = [_summary(point, seen) for point in usable]
    directory = RunDirectory.create(Path(store), SCENARIO)
    directory.write_value(layout.SUMMARY, summaries)
    directory.write_value(layout.MEASURED, usable)
    dropped = len(imported.points) - len(usable)
    bad = (f"{point.label} is INVALID: {'; '.join(point.invalid)}" for point in usable if point.invalid)
    left_out = (f"{dropped} rows without a concurrency left out",) if dropped else ()
    notes = (*imported.notes, *assumed(usable), *left_out, *bad)
    directory.write_value(layout.AUDIT, audit_measured(usable, path.name, notes))
    directory.write_value(layout.MANIFEST, _manifest(directory, usable, summaries, command))
    return Run(directory)


def _summary(point: MeasuredPoint, seen: Counter[str]) -> PointSummary:
    """The same configuration may have been measured more than once on a day; each keeps a name of its own."""
    first = summary_of(point)
    seen[first.point.key] += 1
    again = seen[first.point.key]
    return first if again == 1 else summary_of(point, again)


def _manifest(
    directory: RunDirectory, points: Sequence[MeasuredPoint], summaries: Sequence[PointSummary], command: Sequence[str]
) -> RunManifest:
    manifest = begun(directory, "import", SCENARIO, 0, command)
    entries = [_point_manifest(p, s) for p, s in zip(points, summaries, strict=True)]
    return ended(manifest, entries, directory.checksums(), at_unix=manifest.benchmark_start_time_unix)


def _point_manifest(point: MeasuredPoint, summary: PointSummary) -> PointManifest:
    """Times are those of the day, since published points say no more."""
    day = 0.0
    if point.date is not None:
        day = datetime.datetime.combine(point.date, datetime.time(), datetime.UTC).timestamp()
    return PointManifest(
        point=summary.point,
        attempt=1,
        origin=Origin.IMPORTED,
        target=TargetIdentity(
            kind="imported",
            engine=point.framework,
            engine_version=point.image,
            model=point.model,
            base_url=point.run,
            gpu=point.gpu,
            precision=point.precision,
        ),
        prompt_hash=PROMPT_HASH,
        isl=point.isl,
        osl=point.osl,
        anchor=ClockAnchor(wall_unix_ns=int(day) * NS_PER_S, monotonic_ns=0),
        benchmark_start_time_unix=day,
        benchmark_end_time_unix=day + DAY_S,
        checksums={},
    )
