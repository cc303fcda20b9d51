"""Where a steady state begins and ends, in closed form: a server of fixed pace, and arrivals of fixed spacing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferbench.arrays import NEVER
from inferbench.metrics.steady_state import MIN_OPEN, Span, steady_state, whole_run
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import BasisSummary, Origin
from inferbench.metrics.ttft_tpot import latencies
from inferbench.records.columns import Records
from inferbench.records.request_record import Status
from inferbench.workload.plan import Arrival
from tests.metrics.test_summarise import MS, POINT, fixed_pace, plan, records

CLOSED, OPEN = Arrival.CLOSED, Arrival.POISSON


def in_a_row(n: int, length: int = 100, first: int = 10) -> Records:
    """One stream without pauses: request k is sent at k x length, its tokens come `first` ms later and at its end."""
    made = records(*[(k * length, [(k * length + first, 1), ((k + 1) * length, 1)]) for k in range(n)])
    return replace(made, slot_free_ns=made.sent_ns)


def span_of(made: Records, concurrency: int = 1, slots_open_ms: list[int] | None = None) -> Span | str:
    opened = None if slots_open_ms is None else np.array(slots_open_ms) * MS
    planned = replace(plan(len(made), concurrency), slot_open_ns=opened)
    return steady_state(made, latencies(made, CLOSED), planned)


def every(n: int, spacing: int, service: int, *, changed: dict[int, int] | None = None) -> Records:
    """n requests due `spacing` ms apart, each of one token after `service` ms; `changed` gives some another service."""
    length = [(changed or {}).get(k, service) for k in range(n)]
    made = records(*[(k * spacing, [(k * spacing + length[k], 1)]) for k in range(n)])
    return replace(made, planned_ns=made.sent_ns)


def open_span(made: Records) -> Span | str:
    return steady_state(made, latencies(made, OPEN), plan(len(made), None, OPEN))


def window_of(made: Records, concurrency: int = 1) -> BasisSummary:
    summary = summarise(made, plan(len(made), concurrency), POINT, Origin.MEASURED)
    assert summary.window is not None, summary.window_reason
    return summary.window


def test_a_window_lasts_from_the_end_of_the_first_wave_to_the_last_start() -> None:
    # Six streams, 700 ms a request, one ms apart: the sixth ends at 705; of 120 the last starts at 19 x 700 + 5, and
    # its slot was free 2 ms before.
    assert span_of(fixed_pace(120, 6, 200, 10, 51), 6) == Span(705 * MS, (19 * 700 + 5 - 2) * MS)
    assert span_of(in_a_row(10)) == Span(100 * MS, 900 * MS)


def test_a_ramp_of_slots_is_no_steady_state() -> None:
    made = fixed_pace(120, 6, 200, 10, 51)
    assert span_of(made, 6, [0, 400, 800, 1200, 1600, 2000]) == Span(2000 * MS, 13303 * MS)
    assert span_of(made, 6, [0, 100, 200, 300, 400, 500]) == Span(705 * MS, 13303 * MS)


def test_requests_that_failed_end_no_wave_and_are_no_last_start() -> None:
    made = in_a_row(12)
    failed = replace(made, status=np.array([Status.ERROR, *[Status.OK] * 10, Status.ERROR]))
    assert span_of(failed) == Span(200 * MS, 1000 * MS)


def test_a_closed_loop_needs_more_than_two_waves() -> None:
    assert span_of(in_a_row(2)) == "2 requests are too few for a steady state of 1 streams"
    assert span_of(in_a_row(3)) == Span(100 * MS, 200 * MS)


def test_a_load_that_has_started_before_its_first_wave_ends_has_no_window() -> None:
    at_once = replace(in_a_row(3), slot_free_ns=np.array([0, 50, 100]) * MS)
    assert span_of(at_once) == "the last request started before the first wave had ended"
    assert span_of(in_a_row(10), 1, [900]) == "the last request started before the first wave had ended"
    assert isinstance(span_of(in_a_row(10), 1, [850]), Span | str)


def tokens_in_halves(first: int, second: int) -> Span | str:
    """A window from 1,000 to 3,000 ms in which one request gets so many tokens before, and so many after 2,000 ms."""
    middle = [(1000 + 990 * (k + 1) // (first + 1), 1) for k in range(first)]
    middle += [(2000 + 990 * (k + 1) // (second + 1), 1) for k in range(second)]
    made = records((0, [(10, 1), (1000, 1)]), (1000, [*middle, (3500, 1)]), (3000, [(3600, 1)]))
    return span_of(replace(made, slot_free_ns=made.sent_ns))


def test_the_halves_of_a_window_may_differ_by_a_tenth() -> None:
    assert tokens_in_halves(20, 21) == tokens_in_halves(20, 19) == Span(1000 * MS, 3000 * MS)
    assert tokens_in_halves(10, 20) == (
        "output tok/s still changed by +100% from the first to the second half of the window"
    )
    assert tokens_in_halves(20, 15) == (
        "output tok/s still changed by -25% from the first to the second half of the window"
    )
    # 30 of 27 are 11 % more, 29 of 27 are 7 %.
    assert isinstance(tokens_in_halves(27, 30), str)
    assert isinstance(tokens_in_halves(27, 29), Span)


def test_a_half_without_tokens_is_no_steady_state() -> None:
    assert tokens_in_halves(0, 5) == tokens_in_halves(5, 0) == "no tokens came in one half of the window"
    assert tokens_in_halves(1, 1) == Span(1000 * MS, 3000 * MS)


def test_an_open_loop_is_steady_from_twice_its_requests_in_flight_on() -> None:
    # Every 10 ms a request of 20 ms: a little less than 2 are in flight, so that the first wave is 1 + int(3.98) = 4
    # requests, and the fourth ends at 30 + 20.
    assert open_span(every(200, 10, 20)) == Span(50 * MS, 1990 * MS)


def test_an_open_loop_needs_a_hundred_requests_after_its_first_wave() -> None:
    assert MIN_OPEN == 100
    assert open_span(every(103, 10, 20)) == "103 requests are too few for a steady state of 2 in flight"
    assert open_span(every(104, 10, 20)) == Span(50 * MS, 1030 * MS)


def test_requests_that_were_never_sent_are_in_no_open_window() -> None:
    made = every(210, 10, 20)
    sent = np.where(np.arange(210) < 200, made.sent_ns, NEVER)
    cancelled = np.where(np.arange(210) < 200, Status.OK, Status.CANCELLED)
    assert open_span(replace(made, sent_ns=sent, status=cancelled)) == Span(50 * MS, 1990 * MS)


def test_requests_that_are_due_at_once_have_no_open_window() -> None:
    assert open_span(every(200, 0, 20)) == "all requests were due at once"


@pytest.mark.parametrize("end", [1000, 2000])
def test_an_open_loop_whose_first_wave_outlasts_it_has_no_window(end: int) -> None:
    # A thousand requests are in flight all the time, and none ends before the last are due.
    made = records(*[(0, [(end, 1)])] * 1000, *[(1000, [(end, 1)])] * 1200)
    assert open_span(replace(made, planned_ns=made.sent_ns)) == (
        "the last request was due before the first wave had ended"
    )


def with_tokens(first: int, then: int, last: int = 0) -> Span | str:
    """Requests every 10 ms, each ending when the next is due: 128 in each half of a window from 30 to 2,590 ms.

    Those of the first half have `first` tokens, the others `then`; `last` come on top with the last of the window.
    """
    made = records(
        *[(10 * k, [(10 * (k + 1), (first if k < 131 else then) + (last if k == 258 else 0))]) for k in range(260)]
    )
    return open_span(replace(made, planned_ns=made.sent_ns))


def test_an_open_window_may_change_as_much_as_chance_lets_a_poisson_count() -> None:
    # Of 128 starts in either half: 3 x sqrt(1/128 + 1/128) = 3/8, and 8 + 3 is 3/8 more than 8.
    assert with_tokens(8, 11) == Span(30 * MS, 2590 * MS)
    assert (
        with_tokens(8, 11, last=1)
        == "output tok/s still changed by +38% from the first to the second half of the window"
    )
    assert with_tokens(11, 8) == Span(30 * MS, 2590 * MS)
    assert with_tokens(8, 4) == "output tok/s still changed by -50% from the first to the second half of the window"


def test_a_half_of_one_start_may_be_off_by_three_times_itself() -> None:
    # The window lasts from 1 to 2,110 ms: one start before its middle, and 110 after. Chance alone is 300 % then.
    rows = [(0, [(1, 1)]), (1000, [(1001, 220)]), *[(2000 + k, [(2001 + k, 7)]) for k in range(111)]]
    made = records(*rows)
    assert open_span(replace(made, planned_ns=made.sent_ns)) == Span(1 * MS, 2110 * MS)


@pytest.mark.parametrize("seed", range(5))
def test_neither_the_order_of_records_nor_when_a_run_began_changes_its_window(seed: int) -> None:
    rng = np.random.default_rng(seed)
    closed, due = fixed_pace(120, 6, 200, 10, 51), every(200, 10, 20, changed=dict.fromkeys(range(0, 200, 7), 25))
    spans = span_of(closed, 6), open_span(due)
    assert all(isinstance(span, Span) for span in spans)
    for made, span, found in ((closed, spans[0], lambda m: span_of(m, 6)), (due, spans[1], open_span)):
        assert isinstance(span, Span)
        later = moved(made, rng.permutation(len(made)), 5000 * MS)
        assert found(later) == Span(span.begin_ns + 5000 * MS, span.end_ns + 5000 * MS)


def moved(made: Records, order: np.ndarray, by_ns: int) -> Records:
    """The same records in another order and later."""
    rows = [made.chunks.expand(row) for row in order]
    sent = made.sent_ns[order] // MS
    later = records(
        *[(int(s), [(t // MS, k) for t, k in zip(*row, strict=True)]) for s, row in zip(sent, rows, strict=True)]
    )
    return replace(
        later, sent_ns=later.sent_ns + by_ns, planned_ns=made.planned_ns[order] + by_ns, end_ns=later.end_ns + by_ns,
        slot_free_ns=made.slot_free_ns[order] + by_ns,
        chunks=replace(later.chunks, times_ns=later.chunks.times_ns + by_ns),
    )  # fmt: skip


def test_the_whole_run_lasts_from_the_first_start_to_the_last_token_of_those_that_succeeded() -> None:
    made = records(
        (5, [(50, 1)]), (10, [(30, 1), (90, 1)]), (0, [(400, 1)]), status=[Status.OK, Status.OK, Status.ERROR]
    )
    assert whole_run(made, latencies(made, CLOSED)) == Span(5 * MS, 90 * MS)
    at_once = records((5, [(5, 1)]))
    assert whole_run(at_once, latencies(at_once, CLOSED)) is None


def test_latencies_of_a_window_are_of_requests_that_began_and_ended_within_it() -> None:
    # Ten requests of 100 ms in a row: the window lasts from 100 to 900, edges included, and 8 are inside.
    window = window_of(in_a_row(10))
    assert window.e2el_ms is not None
    assert (window.e2el_ms.n, window.e2el_ms.mean) == (8, 100)
    assert (window.begin_ns, window.end_ns) == (100 * MS, 900 * MS)
    # The first and the last take 10 times as long to their first token: both are outside.
    made = in_a_row(10)
    slow = records(*[(k * 100, [(k * 100 + (90 if k in (0, 9) else 10), 1), ((k + 1) * 100, 1)]) for k in range(10)])
    window = window_of(replace(slow, slot_free_ns=made.sent_ns))
    assert window.ttft_ms is not None
    assert (window.ttft_ms.n, window.ttft_ms.p999) == (8, 10)


def test_a_request_that_began_before_the_window_counts_with_the_tokens_that_came_in_it() -> None:
    # Two streams: requests of 100 ms, and one that lasts all the time, with a token every 50 ms.
    rows = [(k * 100, [(k * 100 + 10, 1), ((k + 1) * 100, 1)]) for k in range(10)]
    made = records(*rows, (0, [(50 * k, 1) for k in range(1, 21)]), isl=7)
    window = window_of(replace(made, slot_free_ns=made.sent_ns), 2)
    assert (window.begin_ns, window.end_ns) == (200 * MS, 900 * MS)
    figures = window.throughput
    assert figures.seconds == 0.7
    # At both edges an answer's last token comes, and a token of the long one: both edges are in the window. 2 tokens of
    # each of 7 requests and the one at 200; of the long one those at 200, 250, ... 900.
    assert figures.output_tput == pytest.approx((7 * 2 + 1 + 15) / 0.7)
    # First tokens at 210, ... 810: 7 prompts.
    assert figures.input_tput == pytest.approx(7 * 7 / 0.7)
    # Last tokens at 200, 300, ... 900.
    assert figures.request_tput == pytest.approx(8 / 0.7)
    assert figures.total_tput == pytest.approx(figures.input_tput + figures.output_tput)
    assert figures.tput_per_gpu == pytest.approx(figures.total_tput / 16)
    assert figures.in_flight_mean == pytest.approx(2.0)


def test_first_tokens_at_the_edges_of_a_window_are_in_it() -> None:
    # Each request's first token comes with its end: at 100, 200, ... 1,000 ms; the window lasts from 100 to 900.
    made = records(*[(k * 100, [((k + 1) * 100, 3)]) for k in range(10)], isl=7)
    figures = window_of(replace(made, slot_free_ns=made.sent_ns)).throughput
    assert figures.input_tput == pytest.approx(9 * 7 / 0.8)
    assert figures.output_tput == pytest.approx(9 * 3 / 0.8)
    hidden = replace(made, osl=made.osl + 2, slot_free_ns=made.sent_ns)
    assert window_of(hidden).throughput.output_tput == pytest.approx(9 * 5 / 0.8)


def test_requests_outside_a_window_are_not_in_flight_in_it() -> None:
    # One stream that pauses: 50 ms of each 100, over eight of them; what came before and after does not count.
    made = records(*[(k * 100, [(k * 100 + 10, 1), (k * 100 + 50, 1)]) for k in range(10)])
    figures = window_of(replace(made, slot_free_ns=made.sent_ns)).throughput
    assert figures.seconds == 0.85
    assert figures.in_flight_mean == pytest.approx(8 * 50 / 850)


def test_a_token_that_came_a_nanosecond_before_the_window_is_not_in_it() -> None:
    rows = [(k * 100, [(k * 100 + 10, 1), ((k + 1) * 100, 1)]) for k in range(10)]
    before, at = (records(*rows, (0, [(t, 9), (950, 1)])) for t in (200 - 1 / MS, 200))
    found = [
        window_of(replace(made, slot_free_ns=made.sent_ns), 2).throughput.output_tput * 0.7 for made in (before, at)
    ]
    assert found == [pytest.approx(7 * 2 + 1), pytest.approx(7 * 2 + 1 + 9)]


def test_a_run_of_nanoseconds_counts_no_request_that_is_not_in_flight() -> None:
    made = records(*[(k * 100, [(k * 100 + 10, 1), (k * 100 + 50, 1)]) for k in range(10)])
    stamps = {name: getattr(made, name) // MS for name in ("sent_ns", "planned_ns", "end_ns")}
    small = replace(made, **stamps, chunks=replace(made.chunks, times_ns=made.chunks.times_ns // MS))
    figures = window_of(replace(small, slot_free_ns=small.sent_ns)).throughput
    assert figures.in_flight_mean == pytest.approx(8 * 50 / 850)


def test_a_window_may_begin_with_the_run() -> None:
    rows = [(0, [(0, 1)]), *[(k * 100, [(k * 100 + 50, 1), ((k + 1) * 100, 1)]) for k in range(9)]]
    made = records(*rows)
    assert span_of(replace(made, slot_free_ns=made.sent_ns)) == Span(0, 800 * MS)


def test_a_closed_loop_without_a_limit_cannot_be() -> None:
    made = in_a_row(4)
    with pytest.raises(AssertionError, match=r"^a closed loop has a limit$"):
        steady_state(made, latencies(made, CLOSED), plan(4, None))
