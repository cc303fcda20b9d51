"""Metrics pages over real sockets: what is asked for, and how much of an answer is read."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from inferbench.endpoint.bounded_reads import MAX_ANSWER
from inferbench.errors import EndpointError
from inferbench.telemetry.scrape import Scraper, pages
from tests.support.raw_server import run

PAGE = b"vllm:num_requests_running 3\n"


def fetched(head: str, *body: bytes, again: int = 1, timeout_s: float = 5.0) -> tuple[str | EndpointError, str]:
    """What comes of a page that is answered so, its last piece `again` times, and the head of the request."""
    heads = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        try:
            for piece in (f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode(), *body[:-1], *[body[-1]] * again):
                writer.write(piece)
                await writer.drain()
            if timeout_s < 1:
                await reader.read()  # say nothing more, until whoever asked is gone
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def work() -> str | EndpointError:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            async with Scraper(timeout_s) as scraper:
                return await scraper.fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics", {})
        except EndpointError as error:
            return error
        finally:
            server.close()

    return run(work()), heads[0]


def test_a_plain_page_is_asked_for_and_a_packed_one_is_read_all_the_same() -> None:
    assert fetched("200 OK", PAGE)[0] == PAGE.decode()
    page, asked = fetched("200 OK\r\nContent-Encoding: gzip", gzip.compress(PAGE))
    assert page == PAGE.decode()
    assert "Accept-Encoding: identity\r\n" in asked


def test_what_is_no_utf_8_costs_one_character() -> None:
    assert fetched("200 OK\r\nContent-Type: text/plain; charset=nonsense", b'a{b="\xff"} 1\n')[0] == 'a{b="\ufffd"} 1\n'


@pytest.mark.parametrize(
    ("head", "body", "again", "why"),
    [
        ("200 OK", b"#" * 2**20, 100, "cannot be read: its answer is longer than 16 MiB"),
        ("200 OK\r\nContent-Encoding: gzip", gzip.compress(b"#" * (MAX_ANSWER + 1)), 1,
         "cannot be read: its answer is longer than 16 MiB"),
        ("200 OK\r\nContent-Encoding: br", b"x", 1,
         "cannot be read: its answer is packed with br, which nobody asked for"),
        ("302 Found\r\nLocation: https://sso.example/login?next=secret", b"", 1,
         "answers HTTP 302, which leads to https://sso.example/login"),
        ("401 Unauthorized", b"", 1, "answers HTTP 401"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_one_line(head: str, body: bytes, again: int, why: str) -> None:
    error, _ = fetched(head, body, again=again)
    assert str(error).partition("/metrics ")[2] == why


def test_a_page_that_never_ends_is_given_up() -> None:
    error, _ = fetched("200 OK", PAGE, timeout_s=0.2)
    assert str(error).endswith("/metrics did not answer within 0.2 s")


def test_where_pages_are_looked_for() -> None:
    assert pages("http://h:1") == (
        "http://h:1/metrics", "http://h:1/prometheus/metrics", "http://h:1/v1/loads?format=prometheus",
    )  # fmt: skip
    assert pages("http://h:1/x") == ("http://h:1/x",)
