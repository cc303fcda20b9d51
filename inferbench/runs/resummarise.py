"""Deriving the summaries of a run again from its records."""

from __future__ import annotations

from inferbench.errors import UsageError
from inferbench.metrics.summarise import summarise as summarise_point
from inferbench.metrics.summary import PointSummary
from inferbench.records.reader import read_records
from inferbench.runs.opened_run import Run
from inferbench.runs.sweep import point_plan
from inferbench.store.verify import whole_point


def summarise(run: Run) -> tuple[PointSummary, ...]:
    """Derive every summary of `run` again from its records and its scenario: one per sweep point, in its order.

    Formulas and units are those of docs/glossary.md. What is on disk in `summary.json` must be equal.
    Raises UsageError for an ad-hoc run, whose plan stands in no file, and StoreError where records are missing or
    damaged.
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
