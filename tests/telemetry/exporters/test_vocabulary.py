"""Pages of servers in the one vocabulary. The names are those of the servers' own sources."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from inferbench.errors import EndpointError
from inferbench.telemetry.exporters.metric_names import vocabularies
from inferbench.telemetry.exporters.vocabulary import read_metrics
from inferbench.telemetry.series import Metric

URL = "http://127.0.0.1:8000/metrics"


def told(page: str) -> tuple[str, dict[tuple[Metric, str | None], float]]:
    found = read_metrics(page, URL)
    return found.engine, {(r.metric, r.device): r.value for r in found.readings}


def test_sglang_ranks_add_up_and_repeated_ranks_count_once() -> None:
    registry = CollectorRegistry()
    running = Gauge("sglang:num_running_reqs", ".", ["dp_rank", "tp_rank"], registry=registry)
    usage = Gauge("sglang:token_usage", ".", ["dp_rank", "tp_rank"], registry=registry)
    for dp, tp, n, used in (("0", "0", 3, 0.25), ("1", "0", 4, 0.5), ("0", "1", 3, 0.99)):
        running.labels(dp, tp).set(n)
        usage.labels(dp, tp).set(used)
    latency = Histogram("sglang:kv_transfer_latency_ms", ".", registry=registry)
    size = Histogram("sglang:kv_transfer_total_mb", ".", registry=registry)
    for ms, mb in ((20, 30), (40, 50)):
        latency.observe(ms)
        size.observe(mb)
    engine, found = told(generate_latest(registry).decode())
    assert engine == "sglang"
    assert found[Metric.RUNNING, None] == 7
    assert found[Metric.KV_USAGE, None] == 0.5
    assert found[Metric.KV_TRANSFER_TIME_SUM, None] == pytest.approx(0.06)
    assert found[Metric.KV_TRANSFER_TIME_COUNT, None] == 2
    assert found[Metric.KV_TRANSFER_BYTES_SUM, None] == pytest.approx(80e6)


def test_vllm_of_two_generations() -> None:
    registry = CollectorRegistry()
    Gauge("vllm:gpu_cache_usage_perc", ".", registry=registry).set(0.1)
    Gauge("vllm:kv_cache_usage_perc", ".", registry=registry).set(0.2)
    Counter("vllm:prompt_tokens", ".", ["engine"], registry=registry).labels("0").inc(12)
    Histogram("vllm:nixl_bytes_transferred", ".", registry=registry).observe(330_000)
    engine, found = told(generate_latest(registry).decode())
    assert engine == "vllm"
    assert found[Metric.KV_USAGE, None] == 0.2
    assert found[Metric.PROMPT_TOKENS, None] == 12
    assert found[Metric.KV_TRANSFER_BYTES_SUM, None] == 330_000


def test_an_engine_behind_dynamo_tells_for_itself_and_dynamo_tells_the_rest() -> None:
    page = (
        'dynamo_component_inflight_requests{dynamo_endpoint="generate"} 9\n'
        'dynamo_component_inflight_requests{dynamo_endpoint="clear_kv_blocks"} 1\n'
        "dynamo_component_kvstats_gpu_cache_usage_percent 0.4\n"
    )
    assert told(page) == ("dynamo", {(Metric.RUNNING, None): 9, (Metric.KV_USAGE, None): 0.4})
    engine, found = told(page + "vllm:num_requests_running 7\n")
    assert engine == "vllm"
    assert found == {(Metric.RUNNING, None): 7, (Metric.KV_USAGE, None): 0.4}


@pytest.mark.parametrize(
    ("page", "engine", "metric", "value"),
    [
        ("llamacpp:requests_deferred 5\n", "llama.cpp", Metric.QUEUED, 5),
        ("llamacpp:tokens_predicted_total 50\n", "llama.cpp", Metric.GENERATION_TOKENS, 50),
        ("trtllm_num_requests_waiting 6\n", "tensorrt-llm", Metric.QUEUED, 6),
        ("trtllm_time_to_first_token_seconds_sum 1.5\n", "tensorrt-llm", Metric.TTFT_SUM, 1.5),
        ('smg_worker_requests_active{worker="a"} 2\nsmg_worker_requests_active{worker="b"} 3\n', "sglang-router",
         Metric.RUNNING, 5),
        ('smg_router_request_duration_seconds_count{model="m"} 4\n', "sglang-router", Metric.ROUTER_TIME_COUNT, 4),
        ("vllm_router_pd_pending_decode_requests 8\n", "vllm-router", Metric.QUEUED, 8),
    ],
)  # fmt: skip
def test_one_name_of_each_engine(page: str, engine: str, metric: Metric, value: float) -> None:
    found = told(page)
    assert found[0] == engine
    assert found[1] == {(metric, None): value}


def test_gpu_exporters_tell_each_gpu_in_the_vocabularys_units() -> None:
    dcgm = (
        'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="a",Hostname="n",GPU_I_ID="1"} 700.5\n'
        'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="a",Hostname="n",GPU_I_ID="2"} 700.5\n'
        'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="1",UUID="b",Hostname="n"} 955287014\n'
        'DCGM_FI_DEV_FB_USED{gpu="1",UUID="b",Hostname="n"} 1024\n'
    )
    assert told(dcgm) == (
        "dcgm-exporter",
        {(Metric.POWER, "0"): 700.5, (Metric.ENERGY, "1"): 955287.014, (Metric.MEMORY_USED, "1"): 2**30},
    )
    amd = (
        'gpu_package_power{gpu_id="3",hostname="n"} 748\n'
        'gpu_energy_consumed{gpu_id="3",hostname="n"} 1.5e12\n'
        'gpu_clock{gpu_id="3",clock_type="GPU_CLOCK_TYPE_SYSTEM",clock_index="0"} 1500\n'
        'gpu_clock{gpu_id="3",clock_type="GPU_CLOCK_TYPE_SYSTEM",clock_index="1"} 1700\n'
        'gpu_clock{gpu_id="3",clock_type="GPU_CLOCK_TYPE_VIDEO",clock_index="0"} 29\n'
    )
    assert told(amd) == (
        "amd-device-metrics-exporter",
        {(Metric.POWER, "3"): 748, (Metric.ENERGY, "3"): 1.5e6, (Metric.GPU_CLOCK, "3"): 1600},
    )


def test_a_page_of_nobody_says_what_it_holds_and_who_is_known() -> None:
    with pytest.raises(EndpointError) as raised:
        read_metrics("go_goroutines 7\ngo_threads 8\nprocess_cpu_seconds_total 1\nup 1\n", URL)
    message = str(raised.value)
    assert message.startswith(f"{URL} holds no metric of a known engine (sglang, vllm, ")
    assert message.endswith("but go_goroutines, go_threads, process_cpu_seconds_total and 1 more")


def test_every_name_leads_to_one_metric_and_carries_its_engines_sign() -> None:
    own = {"process_cpu_seconds_total"}  # every Python server's
    for engine, vocabulary in vocabularies().items():
        for name, meanings in vocabulary.names.items():
            for one in (name, *(other for meaning in meanings for other in (*meaning.also, *meaning.less))):
                assert one in own or vocabulary.device or one.startswith(vocabulary.begins), (engine, one)
            assert all(meaning.parts(name) for meaning in meanings)
