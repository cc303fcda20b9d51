"""The lists of a client's result file: a value for each request that was sent, those that failed included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inferbench.arrays import Floats
from inferbench.evidence.measured_point import Latency
from inferbench.formats.inferencex.row import Row
from inferbench.metrics.catalog import E2EL, ITL, TPOT, TTFT
from inferbench.units import MS_PER_S

PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9}


def per_request(row: Row, completed: int) -> dict[str, Latency] | None:
    """Return the latencies of a result from its lists; None where it has none, or they do not fit `completed`.

    As `vllm bench serve` computes them: TPOT is (E2EL - TTFT)/(OSL - 1), ITL the gaps between chunks. Raises
    ValueError for a list that holds something else than times.
    """
    ttfts, itls, lens = (row.get(key) for key in ("ttfts", "itls", "output_lens"))
    if not all(isinstance(values, list) and values for values in (ttfts, itls, lens)):
        return None
    assert isinstance(ttfts, list)
    assert isinstance(itls, list)
    assert isinstance(lens, list)
    ok = _succeeded(row.get("errors"), lens, completed)
    if ok is None or not len(ttfts) == len(itls) == len(ok):
        return None
    rows = np.flatnonzero(ok).tolist()
    ttft = _times([ttfts[i] for i in rows], "ttfts")
    gaps = [_times(itls[i], "itls") for i in rows]
    e2el = ttft + np.array([each.sum() for each in gaps])
    osl = _times([lens[i] for i in rows], "output_lens")
    several = osl > 1
    found = {
        TTFT.name: ttft,
        TPOT.name: (e2el - ttft)[several] / (osl[several] - 1),
        ITL.name: np.concatenate(gaps),
        E2EL.name: e2el,
    }
    return {metric: _latency(values * MS_PER_S) for metric, values in found.items() if len(values)}


def _succeeded(errors: Any, lens: Sequence[Any], completed: int) -> Sequence[bool] | None:
    """Which requests succeeded: those without an error, or else those with output; None where neither fits."""
    by_output = [bool(length) for length in lens]
    by_error = [not error for error in errors] if isinstance(errors, list) and len(errors) == len(lens) else by_output
    return next((ok for ok in (by_error, by_output) if sum(ok) == completed), None)


def _times(values: Any, key: str) -> Floats:
    if not isinstance(values, list) or not all(isinstance(value, (int, float)) for value in values):
        raise ValueError(f"{key} is no list of numbers")
    times = np.array(values, dtype=np.float64)
    if not (np.isfinite(times).all() and (times >= 0).all()):
        raise ValueError(f"{key} holds a value that is no time")
    return times


def _latency(ms: Floats) -> Latency:
    percentiles = {name: float(np.percentile(ms, at)) for name, at in PERCENTILES.items()}
    return Latency(mean=float(ms.mean()), std=float(ms.std()), n=len(ms), **percentiles)
