"""Response framing: the same bytes give the same body however they are split, and nonsense is refused."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.loadgen.http.http11 import NotHttpError, Response, texts_of_chunks
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


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def refusal(*reads: bytes) -> str:
    response = Response()
    with pytest.raises(NotHttpError) as told:
        response.feed(list(range(len(reads))), list(reads))
    return str(told.value)


@given(cuts)
def test_extensions_of_chunks_are_passed_over(at):
    framed = b"5;name=value\r\nhello\r\n3 ; a=1;b=2\r\nabc\r\n1000;x\r\n" + b"y" * 4096 + b"\r\n0;last=1;really\r\n\r\n"
    response = feed(CHUNKED + framed, at)
    assert (response.complete, response.surplus, body(response)) == (True, False, b"helloabc" + b"y" * 4096)


@pytest.mark.parametrize("size", [b"a", b"A", b"0a", b"00A"])
def test_sizes_of_chunks_are_hexadecimal_in_either_case_and_with_zeros_before(size):
    assert body(feed(CHUNKED + size + b"\r\n0123456789\r\n0\r\n\r\n", [])) == b"0123456789"


def test_a_trailer_may_have_several_lines():
    response = feed(CHUNKED + b"1\r\nx\r\n000\r\nA: b\r\nC: d\r\n\r\n", [])
    assert (response.complete, response.surplus) == (True, False)
    assert feed(CHUNKED + b"0\r\nA: b\r\n\r\nHTTP", []).surplus


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"HTTP/2 200 OK", "starts with 'HTTP/2 200 OK'"),
        (b"HTTP/1.1 20 OK", "starts with 'HTTP/1.1 20 OK'"),
        (b"HTTP/1.1 20", "starts with 'HTTP/1.1 20'"),
        (b"HTTP/1.1 \xb2\xb20 OK", "starts with 'HTTP/1.1 ²²0 OK'"),  # str.isdigit takes them, and int does not
        (b"HTTP/1.1 abc", "starts with 'HTTP/1.1 abc'"),
        (b"HTTP/1.1", "starts with 'HTTP/1.1'"),
        (b"HTTP/1.1  200", "starts with 'HTTP/1.1 200'"),  # what is shown has no doubled spaces
        (b"ICY 200 OK", "starts with 'ICY 200 OK'"),
    ],
)
def test_what_is_no_status_line_is_refused(line, told):
    assert refusal(line + b"\r\nContent-Length: 0\r\n\r\n") == told


def test_a_refusal_shows_no_more_of_a_status_line_than_forty_characters():
    assert refusal(b"HTTP/1.1 " + b"x" * 60 + b"\r\n\r\n") == f"starts with 'HTTP/1.1 {'x' * 28}...'"
    assert refusal(CHUNKED, b"x" * 60 + b"\r\n") == f"a length of '{'x' * 37}...'"


def test_bytes_that_begin_no_response_are_refused_before_their_end_has_come():
    assert refusal(b"SSH-2.0-OpenSSH_9.6") == "starts with b'SSH-2.0-OpenSSH_9.6'"
    assert refusal(b"z" * 50) == f"starts with b'{'z' * 40}'"
    assert refusal(b"HTTP/2.0 200") == "starts with b'HTTP/2.0 200'"
    assert feed(b"HTTP/1.", [1, 2, 3, 4, 5, 6]).head is None


def test_a_head_has_a_version_a_status_and_fields_whose_names_are_in_lower_case():
    head = feed(b"HTTP/1.0 503 Service Unavailable\r\nRetry-After:  7 \r\nX-Url: http://a:80\r\nodd\r\n\r\n", []).head
    assert (head.version, head.status) == ("HTTP/1.0", 503)
    assert head.headers == {"retry-after": "7", "x-url": "http://a:80", "odd": ""}
    assert feed(b"HTTP/1.1 200\r\n\r\n", []).head.status == 200


@pytest.mark.parametrize(("status", "ok"), [(200, True), (201, False), (199, False), (404, False)])
def test_only_200_says_that_a_stream_follows(status, ok):
    assert feed(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status, []).is_ok is ok
    assert not Response().is_ok


def test_an_interim_response_is_no_head_and_199_is_one_and_200_is_none():
    assert feed(b"HTTP/1.1 199 X\r\nContent-Length: 0\r\n\r\n", []).head is None
    assert feed(b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n", []).complete


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none_whatever_length_it_names(status):
    response = feed(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status, [])
    assert (response.complete, body(response)) == (True, b"")


def test_a_body_is_chunked_where_that_is_its_last_coding_whatever_length_is_named():
    for coding in (b"gzip, Chunked", b"chunked"):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: " + coding + b"\r\n\r\n"
        response = feed(head + b"1\r\nx\r\n0\r\n\r\n", [])
        assert (response.complete, response.surplus, body(response)) == (True, False, b"x")
    unknown = feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n1\r\nx", [])
    assert (unknown.ends_with_connection, unknown.complete, body(unknown)) == (True, False, b"1\r\nx")


@pytest.mark.parametrize(
    ("length", "told"), [(b"1_0", "1_0"), (b"-3", "-3"), (b"", ""), (b"3, 3", "3, 3"), (b"a", "a")]
)
def test_a_length_is_decimal_digits(length, told):
    assert refusal(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n") == f"a length of {told!r}"


def test_what_is_no_chunk_size_is_told():
    assert refusal(CHUNKED, b"size\r\n") == "a length of 'size'"
    assert refusal(CHUNKED, b"3\r\nabcd\r\n") == refusal(CHUNKED, b"3\r\nabc\rd") == "a chunk is longer than its size"


def test_a_head_may_be_256_kib_long_and_no_longer():
    begin = b"HTTP/1.1 200 OK\r\nX: "
    response = Response()
    response.feed([0], [begin + b"y" * (256 * 1024 - len(begin))])
    assert response.head is None
    response.feed([1], [b"\r\n\r\nHTTP"])
    assert (response.head.status, body(response)) == (200, b"HTTP")
    assert refusal(begin + b"y" * (256 * 1024 - len(begin) + 1)) == "a head or chunk size without an end"


def test_the_longest_head_is_counted_from_where_it_begins():
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    begin = b"HTTP/1.1 200 OK\r\nX: "
    response = Response()
    response.feed([0], [interim + begin + b"y" * (256 * 1024 - len(begin))])
    response.feed([1], [b"\r\nContent-Length: 0\r\n\r\n"])
    assert response.complete


def test_every_read_has_its_stamp():
    with pytest.raises(ValueError, match="zip"):
        Response().feed([0, 1], [b"HTTP"])


def test_a_piece_of_body_has_the_stamp_of_its_read():
    response = Response()
    reads = [CHUNKED + b"2\r\nab\r\n3\r\nc", b"d", b"e\r", b"\n1\r\nf\r\n0\r\n", b"\r\n"]
    response.feed([10, 20, 30, 40, 50], reads)
    assert (response.body, response.body_times) == ([b"ab", b"c", b"d", b"e", b"f"], [10, 10, 20, 30, 40])
    assert (response.complete, response.first_byte_ns) == (True, 10)
    rest = Response()
    rest.feed([1, 2], [b"HTTP/1.1 200 OK\r\n\r\nab", b"c"])
    assert (rest.body, rest.body_times) == ([b"ab", b"c"], [1, 2])


def test_at_a_chunk_is_where_the_next_byte_begins_one():
    response = Response()
    assert not response.at_chunk
    for read, at in (
        (CHUNKED, True),
        (b"2", False),
        (b"\r\n", False),
        (b"ab", False),
        (b"\r\n", True),
        (b"0\r\n", False),
    ):
        response.feed([0], [read])
        assert response.at_chunk is at, read


def test_where_a_connection_may_end():
    sized = feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", [])
    sized.end_of_connection()
    assert (sized.complete, sized.ends_with_connection, sized.ends_with_blank_line) == (False, False, False)
    for read in (b"", b"2\r\n", b"2\r\nab", b"0\r\n"):
        assert feed(CHUNKED + read, []).ends_with_blank_line


def framed(*texts: bytes) -> list[bytes]:
    return [b"%x\r\n<%s>\n\r\n" % (len(text) + 3, text) for text in texts]


def test_texts_stand_between_prefix_and_suffix_as_long_as_each_read_is_one_such_chunk():
    reads = framed(b"one", b"", b"a" * 300, b"x>\n\r\n4")
    assert texts_of_chunks(reads, b"<", b">\n") == [b"one", b"", b"a" * 300, b"x>\n\r\n4"]
    assert texts_of_chunks([*reads, b"3\r\n[a>\n\r\n", *reads], b"<", b">\n") == [b"one", b"", b"a" * 300, b"x>\n\r\n4"]
    assert texts_of_chunks([b"04\r\n<a>\n\r\n"], b"<", b">\n") == []
    assert texts_of_chunks([reads[0] + reads[1]], b"<", b">\n") == []
    assert texts_of_chunks([], b"<", b">\n") == []


@pytest.mark.parametrize("read", [b"x", b"XXXX<" + b"y" * 5000 + b">\n\r\n", b"1388\r\n<" + b"y" * 4998 + b">\n\r\n"])
def test_a_read_of_a_length_that_no_small_chunk_has_is_left_to_the_parser(read):
    assert texts_of_chunks([*framed(b"one"), read], b"<", b">\n") == [b"one"]
