"""The requests of one sweep point of a run, as its figures need them."""

from __future__ import annotations

import numpy as np

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.metrics.summary import Origin
from inferbench.metrics.ttft_tpot import latencies
from inferbench.records.reader import read_records
from inferbench.records.request_record import Status
from inferbench.runs.figures.requests import Requests
from inferbench.runs.opened_run import Run
from inferbench.store.verify import whole_point
from inferbench.units import NS_PER_S
from inferbench.workload.plan import Arrival


def point_requests(run: Run, key: str) -> Requests:
    """Read the requests of a sweep point; latencies count from when a request was sent.

    Raises UsageError where the run has no such point, StoreError where its records are missing or damaged.
    """
    summaries = {s.point.key: s for s in run.summaries}
    if key not in summaries:
        raise UsageError(unknown("sweep point", key, summaries))
    records = read_records(whole_point(run.directory, run.manifest, key))
    found = latencies(records, Arrival.CLOSED)
    begin = int(found.start_ns[found.start_ns != NEVER].min(initial=np.iinfo(np.int64).max))
    return Requests(
        seq=records.seq,
        start_s=_seconds(found.start_ns, begin),
        end_s=_seconds(records.end_ns, begin),
        ttft_ms=found.ttft,
        tpot_ms=found.tpot,
        e2el_ms=found.e2el,
        isl=records.isl,
        osl=records.osl,
        status=tuple(Status(code).name.lower() for code in records.status.tolist()),
        errors=tuple(records.errors),
        simulated=summaries[key].origin is Origin.SIMULATED,
    )


def _seconds(at: Ints, begin: int) -> Floats:
    return np.where(at == NEVER, np.nan, (at - begin) / NS_PER_S)
