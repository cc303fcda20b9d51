"""Deriving the summaries of a run again from its records."""

from __future__ import annotations

from ..domain.errors import UsageError
from ..domain.summary import PointSummary
from ..metrics.summarise import summarise as summarise_point
from ..store.reader import read_records
from ..store.verify import whole_point
from .runs import Run
from .sweep import point_plan


def summarise(run: Run) -> tuple[PointSummary, ...]:
    """Derive every summary of a scenario run again from its records and its scenario.

    What is on disk in `summary.json` must be equal. Raises UsageError for an ad-hoc run, whose plan stands in no
    file, and StoreError where records are missing or damaged.
    """
    if run.scenario is None:
        raise UsageError(f"{run.path}: an ad-hoc run keeps no scenario to derive its plan from")
    load = run.scenario.load
    prompts = {entry.point.key: entry.prompts for entry in run.manifest.points}
    return tuple(
        summarise_point(
            read_records(whole_point(run.directory, run.manifest, known.point.key)),
            point_plan(load, known.point.concurrency, prompts.get(known.point.key)),
            known.point,
            known.origin,
            partial=known.partial,
            client=known.client,
            energy=known.energy,
        )
        for known in run.summaries
    )
