"""Response framing: the same bytes give the same body however they are split, and nonsense is refused."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.loadgen.http.http11 import NotHttpError, Response
from tests.support.raw_server import chunked

pieces = st.lists(st.binary(min_size=1, max_size=20), max_size=5)
cuts = st.lists(st.integers(0, 300), max_size=20)


def feed(data: bytes, at: list[int]) -> Response:
    response = Response()
    edges = [0, *sorted(min(cut, len(data)) for cut in at), len(data)]
    for t_ns, (a, b) in enumerate(pairwise(edges)):
        response.feed([t_ns], [data[a:b]])
    return response


def body(response: Response) -> bytes:
    return b"".join(response.body)


@given(pieces, cuts, st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]), st.sampled_from([b"", b"X: y\r\n"]))
def test_chunked_body(pieces, cuts, interim, trailer):
    framed = chunked(*pieces)[:-2] + trailer + b"\r\n"
    data = interim + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
    response = feed(data, cuts)
    assert response.complete
    assert not response.surplus
    assert body(response) == b"".join(pieces)
    for end in range(len(interim) + 1, len(data)):
        early = feed(data[:end], [])
        assert not early.complete
        if early.ends_with_blank_line:  # what lets the hot path skip all other reads
            assert data.endswith(b"\r\n\r\n")


@given(st.binary(max_size=50), cuts)
def test_sized_body(content, cuts):
    data = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content) + content
    response = feed(data, cuts)
    assert response.complete
    assert body(response) == content
    assert feed(data + b"x", cuts).surplus


@given(st.binary(max_size=50), cuts)
def test_body_until_the_connection_ends(content, cuts):
    response = feed(b"HTTP/1.0 200 OK\r\n\r\n" + content, cuts)
    assert not response.complete
    response.end_of_connection()
    assert response.complete
    assert body(response) == content


@given(st.binary(max_size=100), cuts)
def test_any_bytes_raise_nothing_but_not_http(data, cuts):
    for prefix in (b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        with suppress(NotHttpError):
            feed(prefix + data, cuts)


def test_stamps():
    response = Response()
    for t_ns, data in enumerate(
        [b"HTTP/1.1 100 C\r\n\r\n", b"HTT", b"P/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", b"cd"]
    ):
        response.feed([t_ns], [data])
    assert response.first_byte_ns == 1
    assert (response.body_times, response.body) == ([2, 3], [b"ab", b"cd"])


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive", True),
    ],
)
def test_keep_alive(head, keeps):
    response = Response()
    response.feed([0], [head + b"\r\nContent-Length: 0\r\n\r\n"])
    assert response.head.keeps_alive is keeps


def test_status_without_a_body():
    response = Response()
    response.feed([0], [b"HTTP/1.1 204 No Content\r\n\r\n"])
    assert response.complete


@pytest.mark.parametrize("size", [b"-1", b"+1", b"1_0", b"0x1", b"", b"g", b" "])
def test_lax_numbers_are_refused(size):
    response = Response()
    response.feed([0], [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
    with pytest.raises(NotHttpError):
        response.feed([1], [size + b"\r\n"])


def test_head_without_an_end_is_refused():
    response = Response()
    with pytest.raises(NotHttpError, match="without an end"):
        response.feed([0], [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000])
