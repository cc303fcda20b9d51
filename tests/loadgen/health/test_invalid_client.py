"""The client's verdict on itself, against figures moved by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferbench.arrays import NEVER
from inferbench.loadgen.health.invalid_client import ClientFacts, judge_client, most_at_once
from inferbench.records.columns import Records, StampedColumn
from inferbench.records.request_record import Status
from inferbench.workload.plan import Arrival

MS = 1_000_000
TTFT, TPOT, OSL = 100, 10, 21
"""ms, ms, tokens: every request streams for 200 ms."""


def column(values: float | list[float], n: int) -> np.ndarray:
    return (np.broadcast_to(values, n) * MS).astype(np.int64)


def requests(
    n: int = 10, *, first_late: float | list[float] | None = None, last_late: float | list[float] | None = None,
    slot_free: float = 0, planned: float | None = None, connect: float | None = None, spacing: float = 0,
    ttft: float = TTFT, tpot: float = TPOT, begin: float = 0,
) -> Records:  # fmt: skip
    """n requests of the same pace, each sent `spacing` ms after the one before and `slot_free` ms after it could go.

    Bounds are in ms, None where nobody noted any.
    """
    sent = column([begin + i * spacing for i in range(n)], n) if spacing else column(begin, n)
    times = (sent[:, None] + (ttft + tpot * np.arange(OSL)) * MS).astype(np.int64)
    never = np.full(n, NEVER)
    return Records(
        seq=np.arange(n), status=np.full(n, int(Status.OK)), isl=np.full(n, 8), osl=np.full(n, OSL),
        osl_source=np.zeros(n, dtype=np.int64), planned_ns=never if planned is None else sent - column(planned, n),
        slot_free_ns=sent - column(slot_free, n), connect_ns=never if connect is None else column(connect, n),
        sent_ns=sent, first_byte_ns=never, end_ns=times[:, -1], answer_ns=never,
        first_late_ns=never if first_late is None else column(first_late, n),
        last_late_ns=never if last_late is None else column(last_late, n), cached_tokens=never, accepted_tokens=never,
        attempts=np.ones(n, dtype=np.int64), client_worker=np.zeros(n, dtype=np.int64),
        chunks=StampedColumn(np.arange(n + 1) * OSL, times.ravel(), np.ones(n * OSL, dtype=np.int64)),
        errors=[None] * n,
    )  # fmt: skip


def reasons(records: Records, arrival: Arrival = Arrival.CLOSED, *, asked: int = 0, lost: tuple[str, ...] = ()) -> str:
    health = judge_client(records, arrival, ClientFacts(lost=lost), streams_asked=asked)
    assert health.valid == (not health.reasons)
    return "; ".join(health.reasons)


def test_without_bounds_there_is_nothing_to_judge() -> None:
    assert reasons(requests()) == ""
    assert judge_client(requests(), Arrival.CLOSED, ClientFacts(), streams_asked=0).stamp_late_p99_ms is None


@pytest.mark.parametrize(("late", "named"), [(1.9, ""), (2.1, "median TTFT is 2.1% off")])
def test_first_stamps_move_ttft(late: float, named: str) -> None:
    found = reasons(requests(first_late=late, last_late=0))
    assert (named in found) if named else (found == "")
    assert "TPOT" not in found  # 2.1 ms on 200 ms of streaming are 1.05 %


def test_a_tail_of_late_stamps_moves_the_p99_only() -> None:
    found = reasons(requests(100, first_late=[0] * 95 + [3] * 5, last_late=0))
    # The p99 of what was measured is 100 ms for all; moved, five of them came at 97 and the p99 stays at 100.
    assert found == ""
    earlier = requests(100, first_late=[3] * 100, last_late=0)
    assert "p99 TTFT is 3.0% off" in reasons(earlier)


@pytest.mark.parametrize(
    ("first", "last", "off"),
    [(4.4, 0, "2.2%"), (0, 4.4, "2.2%"), (4.4, 6.0, "3.0%"), (3.9, 3.9, None)],
    ids=["longer", "shorter", "the worse of both", "neither alone is too much"],
)
def test_tpot_moves_either_way(first: float, last: float, off: str | None) -> None:
    # A span of 200 ms: 4.4 ms are 2.2 %.
    found = reasons(requests(first_late=first, last_late=last))
    assert ("median TPOT" in found) is (off is not None)
    if off is not None:
        assert f"median TPOT is {off} off" in found
        assert f"p99 TPOT is {off} off" in found


def test_the_last_stamp_of_all_moves_the_throughput() -> None:
    # One request over 300 ms: 7 ms earlier at its end is 300 / 293 - 1 = 2.4 % more tokens per second.
    assert "output throughput is 2.4% off" in reasons(requests(1, first_late=0, last_late=7))
    # Over ten requests, sent 100 ms apart, the run takes 1,200 ms, and 7 ms are 0.6 %.
    assert "throughput" not in reasons(requests(10, first_late=0, last_late=7, spacing=100))
    # Whenever the run began, and in an open loop as well.
    assert "output throughput is 2.4% off" in reasons(requests(1, first_late=0, last_late=7, begin=5000))
    assert "output throughput is 2.4% off" in reasons(requests(1, last_late=7, planned=0), Arrival.POISSON)


def test_answers_that_are_noticed_late_keep_their_slots_idle_in_a_closed_loop() -> None:
    # Forty requests one after the other, 300 ms each. Three of them may have ended 100 ms before it was noticed: for
    # 300 ms of 12,000 the server may have had nothing to do.
    stopped = requests(40, first_late=0, last_late=[0] * 36 + [100] * 3 + [0], spacing=300)
    assert "output throughput is 2.6% off" in reasons(stopped)  # 12,000 / 11,700 - 1
    # An open loop sends when it is time, so that only the end of the run may have been earlier.
    on_time = requests(40, first_late=0, last_late=[0] * 36 + [100] * 3 + [0], spacing=300, planned=0)
    assert "throughput" not in reasons(on_time, Arrival.POISSON)


def test_of_no_records_nothing_is_said() -> None:
    assert reasons(requests(0)) == ""


def test_a_client_that_sends_late_is_invalid() -> None:
    assert reasons(requests(slot_free=1.9)) == ""
    assert reasons(requests(slot_free=2.0)) == ""
    assert reasons(requests(slot_free=2.5)) == "requests left 2.5 ms late (p99), 2.5% of the median TTFT"


def test_what_the_server_or_the_limit_held_back_is_not_the_clients_lateness() -> None:
    assert reasons(requests(slot_free=50, connect=49)) == ""
    # Due 80 ms before, when no slot was free; sent 1 ms after one was. TTFT counts from when it was due.
    assert reasons(requests(slot_free=1, planned=80), Arrival.POISSON) == ""
    # Due 10 ms before it was sent, with its slot free all the time: 10 of 110 ms.
    assert "requests left 10.0 ms late" in reasons(requests(slot_free=20, planned=10), Arrival.POISSON)


def test_fewer_streams_than_asked_for_are_named() -> None:
    assert reasons(requests(4), asked=4) == ""
    assert reasons(requests(4), asked=5) == "4 streams were open at once, 5 were asked for"
    assert most_at_once(requests(4)) == 4
    # Sent 300 ms apart and taking 300 ms, each ends when the next begins.
    assert most_at_once(requests(4, spacing=300)) == 1
    assert most_at_once(requests(4, spacing=100)) == 3
    assert most_at_once(requests(0)) == 0
    # One, and when it has ended two at once.
    one_then_two = replace(requests(3), sent_ns=column([0, 300, 300], 3), end_ns=column([300, 600, 600], 3))
    assert most_at_once(one_then_two) == 2


def test_a_lost_worker_is_a_reason() -> None:
    assert reasons(requests(), lost=("worker 1 was killed",)) == "worker 1 was killed"


def test_a_client_without_a_core_beside_the_server_is_invalid_and_a_warning_changes_nothing() -> None:
    good = requests(first_late=0.5, last_late=0.5)
    told = judge_client(good, Arrival.CLOSED, ClientFacts(warnings=("beware",)), streams_asked=0)
    assert (told.valid, told.reasons, told.warnings) == (True, (), ("beware",))
    bad = judge_client(good, Arrival.CLOSED, ClientFacts(misplaced=("no core",)), streams_asked=0)
    assert (bad.valid, bad.reasons) == (False, ("no core",))


def test_the_facts_are_kept() -> None:
    facts = ClientFacts([1.0] * 99 + [5.0], (0.5, 0.25), 7, 0.3, (), 60_000.0, cores=4, busy_cores=1.5)
    health = judge_client(
        requests(first_late=0.5, last_late=0.5, slot_free=1.5), Arrival.CLOSED, facts, streams_asked=0
    )
    assert health.loop_lag_p99_ms == pytest.approx(1 + 0.01 * 4)  # between the 99th and the 100th
    assert (health.send_lag_p99_ms, health.streams_open_max, health.cores, health.busy_cores) == (1.5, 10, 4, 1.5)
    assert (health.loop_lag_max_ms, health.cpu_share, health.cpu_shares) == (5.0, 0.75, (0.5, 0.25))
    assert (health.backlog_max, health.clock_residual_ms, health.ceiling_events_per_s) == (7, 0.3, 60_000.0)
    assert health.stamp_late_p99_ms == 0.5
    assert health.valid


def test_a_client_that_noted_nothing_was_not_late() -> None:
    health = judge_client(requests(0), Arrival.CLOSED, ClientFacts(), streams_asked=0)
    assert (health.loop_lag_p99_ms, health.loop_lag_max_ms, health.send_lag_p99_ms) == (0, 0, 0)
    assert (health.cpu_share, health.backlog_max, health.streams_open_max) == (0, 0, 0)


def test_an_invalid_client_is_told_what_helps() -> None:
    facts = ClientFacts(cpu_shares=(0.97,), cores=8, busy_cores=1.4)
    health = judge_client(requests(slot_free=2.5), Arrival.CLOSED, facts, streams_asked=0)
    assert health.remedies == ("share the load over more processes: --workers 2 (8 cores are here)",)


def test_the_time_to_connect_is_no_lateness_to_the_nanosecond() -> None:
    health = judge_client(requests(slot_free=50, connect=49), Arrival.CLOSED, ClientFacts(), streams_asked=0)
    assert health.send_lag_p99_ms == 1.0


def test_late_first_stamps_lengthen_the_longest_tpot_and_late_last_stamps_shorten_the_shortest() -> None:
    # One of ten may have streamed 100 ms longer: 15 ms a token and not 10, of which the p99 is 0.91 of the way.
    found = reasons(requests(first_late=[0] * 9 + [100], last_late=0))
    assert "p99 TPOT is 45.5% off" in found
    assert "median" not in found
    # One of ten may have streamed 100 ms less: what is shorter than the p99 does not move it.
    assert "TPOT" not in reasons(requests(first_late=0, last_late=[0] * 9 + [100]))


def test_stamps_without_bounds_move_no_figure_of_nanoseconds() -> None:
    assert reasons(requests(1, ttft=10e-6, tpot=10e-6)) == ""


def test_figures_below_a_millisecond_are_judged_too_and_those_of_nothing_are_not() -> None:
    assert "median TTFT is 50.0% off" in reasons(requests(ttft=0.5, first_late=0.25))
    assert reasons(requests(ttft=0)) == ""


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_answers_of_one_chunk_have_no_tpot_to_judge(late: float) -> None:
    made = requests(3, first_late=late, last_late=late)
    times = made.sent_ns + TTFT * MS
    whole = replace(made, chunks=StampedColumn(np.arange(4), times, np.full(3, OSL)), end_ns=times)
    assert reasons(whole) == ""
