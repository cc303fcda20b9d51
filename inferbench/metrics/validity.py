"""Whether the client can be believed."""

from __future__ import annotations

import numpy as np

from ..domain.records import NEVER, Records
from ..domain.summary import BasisSummary, ClientHealth
from ..domain.units import NS_PER_MS

MAX_SHIFT = 0.02
"""Largest share by which a headline figure may move when its stamps move by the loop's lag."""


def judge_client(
    records: Records,
    whole_run: BasisSummary | None,
    *,
    loop_lags_ms: list[float],
    cpu_share: float,
    streams_open_max: int,
    streams_asked: int,
) -> ClientHealth:
    """Judge the client by how far its own lateness can have moved the figures.

    A stamp is late by at most the loop's lag. Moving the first and the last stamp of each request by the p99
    lag shifts the median TTFT by that lag, and the median TPOT by it over the time between the two stamps.
    """
    lags = np.asarray(loop_lags_ms or [0.0])
    lag = float(np.quantile(lags, 0.99))
    reasons = list(_shifts(lag, whole_run))
    if streams_open_max < streams_asked:
        reasons.append(f"{streams_open_max} streams were open at once, {streams_asked} were asked for")
    sent = records.sent_ns != NEVER
    send_lags = (records.sent_ns - records.slot_free_ns)[sent] / NS_PER_MS
    return ClientHealth(
        loop_lag_p99_ms=lag,
        loop_lag_max_ms=float(lags.max()),
        send_lag_p99_ms=float(np.quantile(send_lags, 0.99)) if len(send_lags) else 0.0,
        streams_open_max=streams_open_max,
        cpu_share=cpu_share,
        valid=not reasons,
        reasons=tuple(reasons),
    )


def _shifts(lag_ms: float, figures: BasisSummary | None) -> list[str]:
    if figures is None or figures.ttft_ms is None or figures.e2el_ms is None:
        return []
    reasons = []
    if lag_ms > MAX_SHIFT * figures.ttft_ms.p50:
        share = lag_ms / figures.ttft_ms.p50
        reasons.append(f"the event loop ran up to {lag_ms:.1f} ms late (p99): median TTFT could be {share:.1%} off")
    streaming = figures.e2el_ms.p50 - figures.ttft_ms.p50
    if figures.tpot_ms is not None and lag_ms > MAX_SHIFT * streaming:
        share = lag_ms / streaming if streaming > 0 else float("inf")
        reasons.append(f"the event loop ran up to {lag_ms:.1f} ms late (p99): median TPOT could be {share:.1%} off")
    return reasons
