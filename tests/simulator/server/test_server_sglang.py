"""What SGLang's own clients, routers and scrapers ask of a server."""

from __future__ import annotations

import json
import urllib.request
from typing import get_args

import pytest

from inferbench.scenario.deployment import Stack
from inferbench.simulator.server.deployment import ALL_TO_ALL_BACKENDS
from inferbench.simulator.server.metrics.histogram import Histogram
from inferbench.simulator.server.server_process import start_paced
from inferbench.telemetry.exporters.vocabulary import read_metrics
from inferbench.telemetry.series import Metric
from tests.support.simulator_servers import DIRECT, call, metrics_of


@pytest.fixture(scope="module")
def server():
    with start_paced(ttft_ms=2, tpot_ms=1, model="paced") as running:
        yield running


def params(**more):
    return {"sampling_params": {"max_new_tokens": 3, "ignore_eos": True}} | more


@pytest.mark.parametrize("prompt", [{"text": "one two"}, {"input_ids": [7, 8]}])
def test_generate(server, prompt):
    status, body = call(f"{server.url}/generate", params(**prompt))
    answer = json.loads(body)
    assert (status, answer["text"]) == (200, " token token token")
    meta = answer["meta_info"]
    assert (meta["prompt_tokens"], meta["completion_tokens"], meta["cached_tokens"]) == (2, 3, 0)
    assert meta["finish_reason"] == {"type": "length", "length": 3}


def test_generate_streams_the_text_so_far(server):
    _, body = call(f"{server.url}/generate", params(text="a", stream=True))
    *events, done = body.decode().strip().split("\n\n")
    answers = [json.loads(event.removeprefix("data: ")) for event in events]
    assert done == "data: [DONE]"
    assert [a["text"] for a in answers] == [" token", " token" * 2, " token" * 3, " token" * 3]
    assert [a["meta_info"]["completion_tokens"] for a in answers] == [1, 2, 3, 3]
    assert [a["meta_info"]["finish_reason"] for a in answers[:3]] == [None] * 3


@pytest.mark.parametrize(
    "body",
    [
        {}, {"text": ""}, {"text": ["a", "b"]}, {"input_ids": [[1], [2]]}, {"text": "a", "sampling_params": [{}]},
        {"text": "a", "sampling_params": {"max_new_tokens": 0}}, {"text": "a", "sampling_params": {"n": 2}},
    ],
)  # fmt: skip
def test_bad_generate(server, body):
    status, answer = call(f"{server.url}/generate", body)
    assert status == 422
    assert json.loads(answer)["error"]["message"]


@pytest.mark.parametrize("path", ["/model_info", "/get_model_info", "/server_info", "/get_server_info"])
def test_identity_under_both_names(server, path):
    status, body = call(server.url + path)
    info = json.loads(body)
    assert status == 200
    assert (info["served_model_name"], info["disaggregation_mode"], info["is_generation"]) == ("paced", "null", True)
    assert info["model_path"].startswith("/")  # a local folder, so that nobody looks for it on the network


def test_every_all_to_all_has_a_name_that_sglang_knows():
    assert set(ALL_TO_ALL_BACKENDS) == set(get_args(Stack.model_fields["all_to_all"].annotation))


def test_health_and_load(server):
    assert call(f"{server.url}/health_generate")[0] == 200
    (old,) = json.loads(call(f"{server.url}/get_load")[1])
    assert old["num_tokens"] == 0
    (load,) = json.loads(call(f"{server.url}/v1/loads?include=core")[1])["loads"]
    assert (load["num_running_reqs"], load["num_waiting_reqs"], load["num_used_tokens"]) == (0, 0, 0)


def test_cache_is_not_flushed_while_a_request_runs():
    with start_paced(ttft_ms=1, tpot_ms=100_000, model="m") as server:
        assert call(f"{server.url}/flush_cache")[0] == 200
        body = json.dumps({"model": "m", "prompt": "a b", "max_tokens": 2, "stream": True}).encode()
        with DIRECT.open(urllib.request.Request(f"{server.url}/v1/completions", body), timeout=20) as answer:
            assert b"token" in answer.readline()
            assert call(f"{server.url}/flush_cache", {})[0] == 400
            running = metrics_of(server.url)
            assert (running["num_running_reqs"], running["num_queue_reqs"]) == (1, 0)
            assert json.loads(call(f"{server.url}/get_load")[1])[0]["num_tokens"] == 3
            page = f"{server.url}/v1/loads?format=prometheus"
            told = {r.metric: r.value for r in read_metrics(call(page)[1].decode(), page).readings}
            assert (told[Metric.RUNNING], told[Metric.QUEUED]) == (1, 0)


def test_metrics_count_what_was_sent():
    with start_paced(ttft_ms=2, tpot_ms=1, model='a"b\\') as server:
        for tokens in (1, 5):
            call(f"{server.url}/v1/completions", {"model": 'a"b\\', "prompt": [1] * 7, "max_tokens": tokens})
        found = metrics_of(server.url)
        pacing = json.loads(call(f"{server.url}/pacing")[1])
    assert (found["num_requests_total"], found["num_aborted_requests_total"]) == (2, 0)
    assert (found["prompt_tokens_total"], found["generation_tokens_total"]) == (14, 6)
    assert (found["time_to_first_token_seconds_count"], found["e2e_request_latency_seconds_count"]) == (2, 2)
    assert found["inter_token_latency_seconds_count"] == 4
    assert found["request_time_per_output_token_seconds_count"] == 1
    assert found["time_to_first_token_seconds_sum"] >= 2 * 0.002
    whole = found["time_to_first_token_seconds_sum"] + found["inter_token_latency_seconds_sum"]
    assert whole >= 2 * 0.002 + 4 * 0.001  # a first token that is late leaves the last one where it was due
    assert (found["num_running_reqs"], found["num_queue_reqs"], found["cache_hit_rate"]) == (0, 0, 0)
    assert pacing["chunks"] == 6
    assert 0 < pacing["late_p50_ms"] <= pacing["late_p100_ms"]


def test_our_own_telemetry_reads_it_as_sglangs(server):
    call(f"{server.url}/generate", params(text="a b"))
    told = read_metrics(call(f"{server.url}/metrics")[1].decode(), server.url)
    found = {reading.metric: reading.value for reading in told.readings}
    assert (told.engine, told.remarks) == ("sglang", ())
    assert (found[Metric.RUNNING], found[Metric.QUEUED], found[Metric.FAILED_REQUESTS]) == (0, 0, 0)
    assert found[Metric.GENERATION_TOKENS] >= 3
    assert found[Metric.CPU_TIME] > 0


def test_histogram_puts_a_value_at_its_bound_below_it():
    histogram = Histogram((1, 2))
    histogram.observe(1, 2)
    histogram.observe(1.5)
    histogram.observe(9)
    assert (histogram.counts, histogram.sum) == ([2, 1, 1], 12.5)
