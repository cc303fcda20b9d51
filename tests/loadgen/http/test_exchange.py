"""An exchange, fed read by read or many reads at once, holds what its framing and all of its events as JSON give."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inferbench.loadgen.dialects.dialect import Dialect
from inferbench.loadgen.dialects.openai import Chat, Completions
from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.loadgen.http.http11 import Response, texts_of_chunks
from inferbench.loadgen.http.stream import StreamReading
from inferbench.workload.plan import PlannedRequest
from tests.loadgen.http.test_stream import a_choice, cut, odd_events, plainly, runs
from tests.support.raw_server import DONE, chunked, event, ok_head, text, usage

HEAD = ok_head("Transfer-Encoding: chunked")


def exchange(dialect: Dialect) -> HttpExchange:
    request = PlannedRequest(seq=0, isl=1, osl=1, planned_ns=None, seed=0)
    return HttpExchange(request, 0, lambda record: None, b"", 0, StreamReading(dialect))


def fed(dialect: Dialect, reads: list[bytes], block: int) -> HttpExchange:
    taken = exchange(dialect)
    for first in range(0, len(reads), block):
        part = reads[first : first + block]
        taken.digest(list(range(first, first + len(part))), part, lambda stamp: 1)
    taken.finish()
    return taken


def expected(dialect: Dialect, reads: list[bytes]) -> tuple[Any, ...]:
    """The plain way: the framing read by read, then every event as JSON, stamped with the read that it ended in."""
    response = Response()
    for number, read in enumerate(reads):
        response.feed([number], [read])
    numbers, lengths, used, error = plainly(dialect, response.body)
    return [response.body_times[number] for number in numbers], lengths, used, error, response.complete


def found(taken: HttpExchange) -> tuple[Any, ...]:
    stream = taken.stream
    used = stream.usage if any(field is not None for field in stream.usage) else None
    return list(stream.times_ns), list(stream.lengths), used, stream.error, taken.response.complete


alike = st.lists(st.sampled_from(["a", " the", " a longer word", "é", "中文"]), min_size=1, max_size=40).map(
    lambda words: [a_choice("content", word, 0) for word in words]
)
streams = st.lists(alike | (runs | odd_events).map(lambda piece: [piece]), max_size=6).map(
    lambda parts: [piece for part in parts for piece in part if piece]
)


@given(st.sampled_from([Chat(), Completions()]), streams, st.integers(1, 20))
def test_a_chunk_to_a_read(dialect, pieces, block):
    reads = [HEAD, *(chunked(piece).removesuffix(b"0\r\n\r\n") for piece in pieces), b"0\r\n\r\n"]
    assert found(fed(dialect, reads, block)) == expected(dialect, reads)


@given(streams, st.lists(st.integers(0, 4000), max_size=20), st.integers(1, 20))
def test_chunks_split_anywhere(pieces, at, block):
    reads = [read for read in cut(HEAD + chunked(*pieces), at) if read]
    assert found(fed(Chat(), reads, block)) == expected(Chat(), reads)


def test_stamps_are_late_by_what_their_turn_says():
    reads = [
        HEAD,
        *(chunked(piece).removesuffix(b"0\r\n\r\n") for piece in [*map(text, "abcdefgh"), usage(1, 8), DONE]),
    ]
    taken = exchange(Completions())
    taken.digest(list(range(0, 1100, 100)), reads, lambda stamp: stamp + 7)
    assert (taken.first_late_ns, taken.last_late_ns) == (107, 807)


def test_chunks_without_text_keep_their_lateness_too():
    silent = event(choices=[{"text": ""}])
    end = event(choices=[{"text": "", "finish_reason": "stop"}])
    pieces = [silent, silent, text("a"), text("b"), silent, end, DONE]
    reads = [HEAD, *(chunked(piece).removesuffix(b"0\r\n\r\n") for piece in pieces)]
    taken = exchange(Completions())
    for stamp, read in enumerate(reads):
        taken.digest([stamp], [read], lambda stamp: stamp + 7)
    ends = [1, 5, 3, 4, 6]  # of those without text, of those with it, and of the answer
    assert [taken.late_ns(stamp) for stamp in ends] == [stamp + 7 for stamp in ends]


def test_texts_are_taken_up_to_the_first_read_that_is_anything_else():
    def read(word: bytes) -> bytes:
        return b"%x\r\n<%b>\r\n" % (len(word) + 2, word)

    good = [read(b"a"), read(b"bc"), read(b"d" * 300)]
    assert texts_of_chunks(good, b"<", b">") == [b"a", b"bc", b"d" * 300]
    odd_reads = [b"3\r\n<a>\r\n0\r\n\r\n", b"4\r\n<a>\r\n", b"3\r\n<a]\r\n", b"3\r\n<a>\r", b"03\r\n<a>\r\n"]
    for odd in (*odd_reads, b"", b"1\r\n<\r\n"):
        assert texts_of_chunks([*good, odd, *good], b"<", b">") == [b"a", b"bc", b"d" * 300], odd
