"""Splitting a plan over load-generating processes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inferbench.arrays import Ints
from inferbench.errors import UsageError
from inferbench.workload.plan import Plan


def split(plan: Plan, workers: int) -> list[Plan]:
    """Split a plan into one part for each worker; together they are the plan.

    Slots are dealt round robin: worker w has slots w, w + N, ..., with their opening times, so that concurrency is
    split exactly and a ramp stays that of the whole load. In a closed loop requests are dealt as the slots are:
    each slot of the load gets as many. In an open loop requests are dealt round robin and keep their due times.
    Sessions stay whole; each request keeps its number, seed, lengths and prompt. Raises UsageError where there are
    more workers than slots.
    """
    slots = plan.max_concurrency
    if workers < 1:
        raise UsageError(f"{workers} workers are not possible; it must be at least 1")
    if slots is not None and workers > slots:
        raise UsageError(f"{workers} workers are more than the concurrency of {slots}: each needs at least one slot")
    nth = np.arange(len(plan.first_turns))
    worker_of_session = (nth if slots is None or plan.planned_ns is not None else nth % slots) % workers
    worker = worker_of_session[_sessions(plan)]
    return [_part(plan, np.flatnonzero(worker == w), w, workers) for w in range(workers)]


def _sessions(plan: Plan) -> Ints:
    """For each row the number of its session, in order of first turns."""
    if plan.session is None:
        return np.arange(len(plan))
    names = plan.session[plan.first_turns]
    order = np.argsort(names, kind="stable")
    return order[np.searchsorted(names, plan.session, sorter=order)]


def _part(plan: Plan, rows: Ints, worker: int, workers: int) -> Plan:
    def of(column: Ints | None) -> Ints | None:
        return None if column is None else column[rows]

    return replace(
        plan,
        max_concurrency=None if plan.max_concurrency is None else len(range(worker, plan.max_concurrency, workers)),
        isl=plan.isl[rows],
        osl=plan.osl[rows],
        seeds=plan.seeds[rows],
        planned_ns=of(plan.planned_ns),
        seqs=rows if plan.seqs is None else plan.seqs[rows],
        session=of(plan.session),
        turn=of(plan.turn),
        think_ns=of(plan.think_ns),
        prefix=None if plan.prefix is None else plan.prefix.take(rows),
        slot_open_ns=None if plan.slot_open_ns is None else plan.slot_open_ns[worker::workers],
    )
