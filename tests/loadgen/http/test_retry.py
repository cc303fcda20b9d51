"""Which failures are sent again, and after what wait."""

from __future__ import annotations

import email.utils
import time

import pytest

from inferbench.loadgen.dialects.openai import Completions
from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.loadgen.http.http11 import Head
from inferbench.loadgen.http.retry import parse_retry_after, retry_delay_s
from inferbench.loadgen.http.stream import StreamReading
from inferbench.records.request_record import Status
from inferbench.workload.plan import PlannedRequest


def failed(status: int | None = None, attempts: int = 1, **headers: str) -> HttpExchange:
    """An exchange that failed: with this status, or without any answer."""
    request = PlannedRequest(0, 1, 1, 0, None)
    exchange = HttpExchange(request, 0, lambda record: None, b"", 0, StreamReading(Completions()), attempts=attempts)
    if status is not None:
        exchange.response.head = Head("HTTP/1.1", status, {name.replace("_", "-"): v for name, v in headers.items()})
    return exchange


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_an_answer_that_comes_instead_of_a_stream_is_asked_for_again(status: int) -> None:
    assert retry_delay_s(failed(status), Status.ERROR) == 0.1


@pytest.mark.parametrize("status", [200, 400, 404, 428, 430, 499, None])
def test_other_errors_are_not_sent_again(status: int | None) -> None:
    assert retry_delay_s(failed(status), Status.ERROR) is None


@pytest.mark.parametrize("status", [Status.OK, Status.TIMEOUT, Status.CANCELLED])
def test_what_may_have_been_served_is_not_sent_again(status: Status) -> None:
    assert retry_delay_s(failed(503), status) is None


def test_waits_double_from_a_tenth_of_a_second_to_a_minute() -> None:
    waits = [retry_delay_s(failed(attempts=n), Status.REFUSED) for n in (1, 2, 3, 4, 10, 11, 50)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 51.2, 60, 60]


@pytest.mark.parametrize(("asked", "wait"), [("7", 7), ("0", 0), ("-3", 0), ("1.5", 1.5), ("60", 60), ("61", 60)])
def test_a_server_may_ask_for_a_wait_of_at_most_a_minute(asked: str, wait: float) -> None:
    assert retry_delay_s(failed(429, attempts=3, retry_after=asked), Status.ERROR) == wait


@pytest.mark.parametrize("asked", ["", "soon", "inf"])
def test_a_wait_that_cannot_be_read_is_as_if_none_were_asked_for(asked: str) -> None:
    assert retry_delay_s(failed(503, attempts=2, retry_after=asked), Status.ERROR) == 0.2


def test_a_server_may_name_the_time_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    at = email.utils.formatdate(1_800_000_012, usegmt=True)
    assert retry_delay_s(failed(503, retry_after=at), Status.ERROR) == 12
    assert retry_delay_s(failed(503, retry_after=at.replace("2027", "2026")), Status.ERROR) == 0


def test_seconds_and_dates_are_read() -> None:
    now = 1_800_000_000.0
    assert parse_retry_after("120", now) == 120
    assert parse_retry_after(email.utils.formatdate(now + 7, usegmt=True), now) == 7
    assert [parse_retry_after(text, now) for text in ("", "soon", "inf", "nan", "-inf")] == [None] * 5
