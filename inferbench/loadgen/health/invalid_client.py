"""Whether the client can be believed: its own lateness, set against the figures that came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inferbench.arrays import NEVER, Floats, Ints
from inferbench.loadgen.health.remedies import remedies
from inferbench.metrics.summary import ClientHealth
from inferbench.metrics.ttft_tpot import latencies
from inferbench.records.columns import Records
from inferbench.units import NS_PER_MS, NS_PER_S
from inferbench.workload.plan import Arrival

MAX_SHIFT = 0.02
"""Largest share by which a headline figure may move when its stamps move as far as they may be late."""


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What the client noted of itself during a load."""

    loop_lags_ms: Sequence[float] = ()
    """How late the event loops' heartbeats came, all workers together."""
    cpu_shares: tuple[float, ...] = ()
    """CPU time over wall time, of each worker."""
    backlog_max: int = 0
    """Most connections of a worker that had been read and waited to be looked at."""
    clock_residual_ms: float = 0.0
    """By at most how much the workers' clocks are off against each other."""
    lost: tuple[str, ...] = ()
    """One sentence for each worker that was lost."""
    ceiling_events_per_s: float | None = None
    """What the self-check of this machine found that one worker can take; None where there was none."""
    misplaced: tuple[str, ...] = ()
    """Why it could not run beside the server on this machine."""
    warnings: tuple[str, ...] = ()
    """What on this machine may have disturbed client or server."""
    cores: int | None = None
    """Cores that the client could use; None where nobody noted it."""
    busy_cores: float | None = None
    """CPU time that everything on those cores took over wall time."""


def judge_client(records: Records, arrival: Arrival, facts: ClientFacts, *, streams_asked: int) -> ClientHealth:
    """Judge the client by how far its own lateness can have moved the headline figures of the whole run.

    `streams_asked` is how many requests should have been out at once at some time; 0 where nobody asked.
    """
    lags = np.asarray(facts.loop_lags_ms or [0.0])
    send_lag = _send_lag_p99_ms(records, arrival)
    streams = most_at_once(records)
    reasons = [*facts.lost, *facts.misplaced, *_shifts(records, arrival), *_slow_sends(records, arrival, send_lag)]
    if streams < streams_asked:
        reasons.append(f"{streams} streams were open at once, {streams_asked} were asked for")
    late = np.concatenate([records.first_late_ns, records.last_late_ns])
    late = late[late != NEVER]
    health = ClientHealth(
        loop_lag_p99_ms=float(np.quantile(lags, 0.99)),
        loop_lag_max_ms=float(lags.max()),
        stamp_late_p99_ms=float(np.quantile(late, 0.99)) / NS_PER_MS if len(late) else None,
        send_lag_p99_ms=send_lag,
        streams_open_max=streams,
        cpu_share=sum(facts.cpu_shares),
        cpu_shares=facts.cpu_shares,
        backlog_max=facts.backlog_max,
        clock_residual_ms=facts.clock_residual_ms,
        ceiling_events_per_s=facts.ceiling_events_per_s,
        valid=not reasons,
        reasons=tuple(reasons),
        warnings=facts.warnings,
        cores=facts.cores,
        busy_cores=facts.busy_cores,
    )
    return health.model_copy(update={"remedies": remedies(health)})


def most_at_once(records: Records) -> int:
    """Most requests that were sent and had not ended at the same time, over all workers."""
    sent = records.sent_ns != NEVER
    times = np.concatenate([records.sent_ns[sent], records.end_ns[sent]])
    steps = np.repeat([1, -1], int(sent.sum()))
    order = np.lexsort((steps, times))  # at equal times an end comes before a start
    return int(np.cumsum(steps[order]).max(initial=0))


def _send_lag_p99_ms(records: Records, arrival: Arrival) -> float:
    """From when a request could go to when its last byte went to the kernel; the server's part of it left out.

    An open loop with a limit holds requests back until a slot is free, a connection that the server had closed is
    opened anew, and a request that was turned away waits as long as the server asked: none is the client's lateness.
    """
    sent = (records.sent_ns != NEVER) & (records.attempts <= 1)
    if not sent.any():
        return 0.0
    could_go = records.slot_free_ns
    if arrival.is_open:
        could_go = np.maximum(could_go, records.planned_ns)
    connecting = np.where(records.connect_ns == NEVER, 0, records.connect_ns)
    return float(np.quantile((records.sent_ns - could_go - connecting)[sent], 0.99)) / NS_PER_MS


def _slow_sends(records: Records, arrival: Arrival, send_lag_ms: float) -> Iterator[str]:
    ttft = latencies(records, arrival).ttft
    if np.isnan(ttft).all():
        return
    median = float(np.nanmedian(ttft))
    if send_lag_ms > MAX_SHIFT * median:
        yield f"requests left {send_lag_ms:.1f} ms late (p99), {send_lag_ms / median:.1%} of the median TTFT"


def _shifts(records: Records, arrival: Arrival) -> Iterator[str]:
    """Say which headline figures move by more than MAX_SHIFT, and how far.

    A chunk came somewhere between its stamp and its stamp minus the bound of how late that can be. First and last
    chunks are moved to the early ends of where they may have been; TPOT gets longer by the one and shorter by the
    other, so that both are tried apart. In a closed loop the next request waits for the last chunk's stamp.
    """
    lat = latencies(records, arrival)
    ok = lat.ok
    if not ok.any():
        return
    first, last = (_bound_ns(late[ok]) for late in (records.first_late_ns, records.last_late_ns))
    ttft, tpot = lat.ttft[ok], lat.tpot[ok]
    later = (records.chunks.held - records.chunks.first_tokens)[ok]
    with np.errstate(divide="ignore", invalid="ignore"):
        longer, shorter = tpot + first / NS_PER_MS / later, tpot - last / NS_PER_MS / later
    for name, quantile in (("median", 0.5), ("p99", 0.99)):
        yield from _moved(f"{name} TTFT", _at(quantile), ttft, [ttft - first / NS_PER_MS])
        yield from _moved(f"{name} TPOT", _at(quantile), tpot, [longer, shorter])
    # The run ends with its last chunk, whichever that then is.
    ends_s = (records.chunks.last_ns[ok] - lat.start_ns[ok].min()) / NS_PER_S
    tokens = float(records.osl[ok].sum())
    sooner = [ends_s - last / NS_PER_S]
    if not arrival.is_open:  # an answer that is noticed late holds its slot for so long, and the run gets longer
        sooner.append(ends_s - float(last.sum()) / NS_PER_S / most_at_once(records))
    yield from _moved("output throughput", lambda ends: tokens / float(ends.max()), ends_s, sooner)


def _bound_ns(late: Ints) -> Ints:
    """Bounds of some stamps, ns; 0 where a stamp has none, as on a virtual clock."""
    return np.where(late == NEVER, 0, late)


def _at(quantile: float) -> Callable[[Floats], float]:
    return lambda values: float(np.quantile(values[~np.isnan(values)], quantile))


def _moved(name: str, figure: Callable[[Floats], float], stamped: Floats, possible: Sequence[Floats]) -> Iterator[str]:
    """Say it where a figure moves too far when it is taken over the times that are possible, too."""
    if np.isnan(stamped).all() or (reported := figure(stamped)) <= 0:
        return
    share = max(abs(figure(values) / reported - 1) for values in possible)
    if share > MAX_SHIFT:
        yield f"stamps may be so late that {name} is {share:.1%} off"
