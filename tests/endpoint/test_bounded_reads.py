"""What a server says about itself is read up to a limit, however it is framed or packed."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable

import pytest

from inferbench.endpoint.bounded_reads import MAX_ANSWER
from inferbench.endpoint.discovery import Site, look
from inferbench.endpoint.prefix_cache import Flush, flush_cache
from inferbench.endpoint.readiness import probe
from inferbench.errors import EndpointError
from inferbench.loadgen.http.endpoint import Endpoint
from tests.support.raw_server import run

Ask = Callable[[Endpoint], Awaitable[object]]

MODELS = b'{"data": [{"id": "m", "owned_by": "vllm"}]}'
LARGE = b"[" + b" " * MAX_ANSWER + b"]"
TOO_LONG = "its answer is longer than 16 MiB"


def asked(
    ask: Callable[[Endpoint], Awaitable[object]], *answer: bytes, again: int = 1
) -> tuple[object, int, list[str]]:
    """Ask a server that answers so, its last piece `again` times; return what came of it, what it sent, and heads."""
    sent, heads = 0, []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        try:
            for piece in (*answer[:-1], *[answer[-1]] * again):
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def work() -> object:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await ask(Endpoint(f"http://127.0.0.1:{port}", "/v1/completions", "m"))
        finally:
            server.close()

    return run(work()), sent, heads


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *lines, "", ""]).encode()


def packed(body: bytes, encoding: str) -> bytes:
    return gzip.compress(body) if encoding.endswith("gzip") else zlib.compress(body)


async def probe_it(endpoint: Endpoint) -> object:
    return await probe(endpoint, 0)


async def look_at_it(endpoint: Endpoint) -> object:
    return await look(Site((endpoint,)), 0)


@pytest.mark.parametrize("ask", [probe_it, look_at_it])
@pytest.mark.parametrize("begin", [(), (f"Content-Length: {1 << 40}",)], ids=["to-the-end", "sized"])
def test_an_answer_without_end_is_refused(ask: Ask, begin: tuple[str, ...]) -> None:
    with pytest.raises(EndpointError, match=f"cannot be reached: {TOO_LONG}"):
        asked(ask, head(*begin), b"x" * 2**20, again=200)


def test_a_cache_that_answers_without_end_is_not_emptied() -> None:
    flush, sent, _ = asked(flush_cache, head(), b"x" * 2**20, again=200)
    assert flush == Flush(why_not=f"no answer: {TOO_LONG}")
    assert sent < 60 * 2**20, "the sockets' buffers and the limit, and no more"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_what_is_packed_all_the_same_is_unpacked_up_to_the_limit(encoding: str) -> None:
    identity, _, heads = asked(probe_it, head(f"Content-Encoding: {encoding}"), packed(MODELS, encoding))
    assert getattr(identity, "engine", None) == "vllm"
    assert "Accept-Encoding: identity\r\n" in heads[0]
    with pytest.raises(EndpointError, match=TOO_LONG):
        asked(probe_it, head(f"Content-Encoding: {encoding}"), packed(LARGE, encoding))


@pytest.mark.parametrize(
    ("encoding", "body", "why"),
    [("br", b"anything", "packed with br, which nobody asked for"), ("gzip", b"no gzip", "its answer is no gzip: ")],
)
def test_what_cannot_be_unpacked_is_named(encoding: str, body: bytes, why: str) -> None:
    with pytest.raises(EndpointError, match=why):
        asked(probe_it, head(f"Content-Encoding: {encoding}"), body)
