"""The event stream parser against the standard's rules, and against every way of splitting the bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.loadgen.http.sse import EndlessEventError, Event, parse_events

LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data",
        b"data:  x",
        b": comment",
        b"event: error",
        b"id: 1",
        b"",
        b"",
        b"\xef\xbb\xbf",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAMS = st.one_of(
    st.binary(max_size=200),
    st.lists(st.tuples(LINES | st.binary(max_size=10), ENDS), max_size=20).map(lambda p: b"".join(a + b for a, b in p)),
)


def parse(body: bytes) -> list[tuple[str, bytes]]:
    return [(e.name, e.data) for e in parse_events([(0, body)])]


@given(STREAMS, st.lists(st.integers(0, 200), max_size=20))
def test_same_bytes_give_same_events_however_split(body, cuts):
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    reads = [(i, body[a:b]) for i, (a, b) in enumerate(pairwise(edges))]
    events = parse_events(reads)
    assert [(e.name, e.data) for e in events] == parse(body)
    assert [e.t_ns for e in events] == sorted(e.t_ns for e in events)


@given(STREAMS)
def test_an_event_has_the_stamp_of_its_last_byte(body):
    """Byte by byte, an event's stamp is where its blank line ends: the prefix up to there holds it whole."""
    events = parse_events([(i, body[i : i + 1]) for i in range(len(body))])
    for count, event in enumerate(events, start=1):
        until = body[: event.t_ns + 1]
        assert len(parse_events([(0, until)])) == count
        assert until[-1:] in b"\r\n" or until == body


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"", []),
        (b"data: a\n\n", [("", b"a")]),
        (b"data: a\r\n\r\ndata:b\r\rdata:  c\n\n", [("", b"a"), ("", b"b"), ("", b" c")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"data: a \t\n\ndata: XX\n\n", [("", b"a \t"), ("", b"XX")]),
        (b"event: error\ndata: x\n\ndata: y\n\n", [("error", b"x"), ("", b"y")]),
        (b": keep-alive\n\ndata: a\n\n", [("", b"a")]),
        (b"event: ping\n\n", []),
        (b"data\n\ndata\ndata:\n\n", [("", b""), ("", b"\n")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        (b"data: a\n\ndata: [DONE]", [("", b"a"), ("", b"[DONE]")]),
        (b"data: \xe2\x80\xa8 is no line end\n\n", [("", b"\xe2\x80\xa8 is no line end")]),
        (b"retry: 5\nid: 3\ndatax: no\ndata: a\n\n", [("", b"a")]),
    ],
)
def test_standard(body, events):
    assert parse(body) == events


def test_stamps():
    reads = [(1, b"data: a"), (2, b"\n"), (3, b"\ndata: b\n\ndata"), (4, b": c\n\n"), (5, b"")]
    assert parse_events(reads) == [Event(3, "", b"a"), Event(3, "", b"b"), Event(4, "", b"c")]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"error: boom\n\n", [("error", b"boom")]),
        (b"data: a\nerror: boom\n\n", [("error", b"a\nboom")]),
        (b'data: a\n\n{"error": "boom"}\n\n', [("", b"a"), ("error", b'{"error": "boom"}')]),
        (b'data: a\n\ndata: b\n{"error": 1}\n\n', [("", b"a"), ("error", b'b\n{"error": 1}')]),
        (b'data: a\n\n{"other": 1}\n\nx{"error": 1}\n\n', [("", b"a")]),
        (b'{"error": "no stream at all"}', []),
        (b"event: error\n: what went wrong\n: and where\n\n", [("error", b"what went wrong\nand where")]),
        (b"event: error\n: a comment\ndata: x\n\n", [("error", b"x")]),
        (b"event: error\nid: 3\n\n", [("error", b"")]),
        (b": a comment\n\n", []),
        (b"event: \xff\ndata: a:b\n\n", [("\ufffd", b"a:b")]),
    ],
)
def test_errors_that_servers_write_where_the_standard_has_none(body, events):
    assert parse(body) == events


def test_a_part_of_a_body_has_no_byte_order_mark_and_may_begin_with_an_error():
    mark = b"\xef\xbb\xbfdata: a\n\n"
    assert parse_events([(7, mark)]) == [Event(7, "", b"a")]
    assert parse_events([(7, mark)], at_start=False) == []
    assert parse_events([(7, b"data: a\n\n" + mark)]) == [Event(7, "", b"a")]
    assert parse_events([(7, b'{"error": 1}\n\n')], at_start=False) == [Event(7, "error", b'{"error": 1}')]
    assert parse_events([(7, b'{"error": 1}')], at_start=False) == [Event(7, "error", b'{"error": 1}')]


def test_an_event_without_an_end_is_named_with_the_most_that_is_taken():
    assert str(EndlessEventError()) == "an event of more than 16 MiB without an end"
