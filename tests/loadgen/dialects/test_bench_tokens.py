"""A load on servers that count tokens oddly, or turn requests away: what the run and its file say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.runs.bench.bench import BenchRun, Client, bench
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.workload.lengths import around
from tests.support.raw_server import CHUNKED, DONE, RawServer, chunked, raw_server, text, usage


async def measured(answer, store: Path, osl: int, **options) -> BenchRun:
    """Run a small load against a raw server in this process, from a thread."""

    async def serve(server: RawServer, writer: asyncio.StreamWriter) -> None:
        await answer(server, writer)

    async with raw_server(serve) as server:
        load = BenchLoad(num_prompts=4, max_concurrency=2, isl=around(4, 0), osl=around(osl, 0))
        endpoint = Endpoint(server.url, "/v1/completions", "m", **options)
        return await asyncio.to_thread(bench, endpoint, load, Client(flush_cache=False), store=store)


def always(*pieces: bytes):
    async def answer(_: RawServer, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunked(*pieces))

    return answer


@pytest.mark.parametrize(
    ("pieces", "osl", "says"),
    [
        ([text("a"), text("b"), DONE], 2, "tokens counted as chunks"),
        (
            [text("a"), usage(4, 3), DONE],
            16,
            "are shorter than asked",
        ),
        ([text("a"), usage(4, 2**63), DONE], 1, "at most 1 were asked for"),
    ],
)
def test_what_is_odd_about_tokens_stands_in_the_notes_of_the_run(pieces, osl, says, tmp_path):
    done = asyncio.run(measured(always(*pieces), tmp_path, osl))
    assert done.summary.counts.ok == 4
    assert any(says in note for note in done.notes), done.notes
    assert any(says in note for note in done.run.manifest.points[0].notes)


def test_requests_that_were_turned_away_are_counted_beside_the_figures(tmp_path):
    turned_away = set()

    async def answer(server: RawServer, writer: asyncio.StreamWriter) -> None:
        body = server.bodies[-1]
        if len(turned_away) < 2 and body not in turned_away:
            turned_away.add(body)
            writer.write(b"HTTP/1.1 429 Busy\r\nRetry-After: 0.1\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(CHUNKED + chunked(text("a"), text("b"), usage(4, 2), DONE))

    done = asyncio.run(measured(answer, tmp_path, 2, retries=3))
    counts = done.summary.counts
    assert (counts.ok, counts.retried, counts.retries) == (4, 2, 2)
    assert any("2 requests were sent again, 2 times in all" in note for note in done.notes)
