"""Pages that are renamed, broken in places, or tell what cannot be: the good lines count, the bad are said."""

from __future__ import annotations

import pytest

from inferbench.errors import EndpointError
from inferbench.telemetry.exporters.exposition import Page, read_exposition
from inferbench.telemetry.exporters.vocabulary import read_metrics
from inferbench.telemetry.series import Metric, SourceReading

URL = "http://127.0.0.1:8000/metrics"
M = Metric


def told(text: str) -> dict[tuple[M, str | None], float]:
    return {(r.metric, r.device): r.value for r in read_metrics(text, URL).readings}


def power_page(*values: object) -> SourceReading:
    return read_metrics("".join(f'DCGM_FI_DEV_POWER_USAGE{{gpu="{i}"}} {v}\n' for i, v in enumerate(values)), URL)


@pytest.mark.parametrize(
    ("page", "engine", "metric", "value"),
    [
        ("ray_vllm:num_requests_running 3\n", "vllm", M.RUNNING, 3),
        ("ray_vllm_num_requests_running 3\n", "vllm", M.RUNNING, 3),
        ("vllm_num_requests_running 3\n", "vllm", M.RUNNING, 3),
        ("vllm_prompt_tokens 5\n", "vllm", M.PROMPT_TOKENS, 5),
        ("sglang_num_running_reqs 4\n", "sglang", M.RUNNING, 4),
        ("ray_sglang_num_running_reqs 4\n", "sglang", M.RUNNING, 4),
        ("ray_vllm_router_running_requests 5\n", "vllm-router", M.RUNNING, 5),
        ("vllm_router_running_requests 6\n", "vllm-router", M.RUNNING, 6),
        ("vllm:num_requests_running 7\nray_vllm_num_requests_running 7\n", "vllm", M.RUNNING, 7),
        ('site_gpu_package_power{gpu_id="0"} 700\n', "amd-device-metrics-exporter", M.POWER, 700),
        ('gpu_power_usage{gpu_id="0"} 700\ngpu_package_power{gpu_id="0"} 710\n', "amd-device-metrics-exporter",
         M.POWER, 710),
    ],
)  # fmt: skip
def test_names_are_recognised_however_an_exporter_changed_them(page: str, engine: str, metric: M, value: float) -> None:
    found = read_metrics(page, URL)
    assert found.engine == engine
    assert [(r.metric, r.value) for r in found.readings] == [(metric, value)]


@pytest.mark.parametrize("page", ["nvidia_gpu_power_usage_milliwatts 5\n", "my_own_vllm_thing 5\n", "vllmx 5\n"])
def test_what_only_looks_like_a_known_name_is_not_taken_for_it(page: str) -> None:
    with pytest.raises(EndpointError, match="holds no metric of a known engine"):
        read_metrics(page, URL)


def test_an_openmetrics_page_is_read_too() -> None:
    page = (
        "# TYPE vllm:prompt_tokens counter\n"
        'vllm:prompt_tokens_total{engine="0"} 7.0 1520879607.789 # {trace_id="a b } c"} 1.0 1520879607.5\n'
        'vllm:prompt_tokens_created{engine="0"} 1.5e9\n'
        'vllm:num_requests_running{engine="0"} 2e0\n'
        "# EOF\n"
    )
    assert told(page) == {(M.PROMPT_TOKENS, None): 7, (M.RUNNING, None): 2}


def test_newlines_of_windows_a_byte_order_mark_and_odd_characters_in_labels_are_no_trouble() -> None:
    page = '\ufeffvllm:num_requests_running{m="a\u2028b\x85c"} 2\r\nvllm:num_requests_waiting{m="\ufffd"} 3\r\n'
    assert told(page) == {(M.RUNNING, None): 2, (M.QUEUED, None): 3}


def test_a_broken_line_costs_no_other_and_is_said() -> None:
    page = 'vllm:num_requests_running 2\nvllm:num_requests_waiting{a="b 3\nvllm:kv_cache_usage_perc\nold{} x y\n'
    found = read_metrics(page, URL)
    assert [(r.metric, r.value) for r in found.readings] == [(M.RUNNING, 2)]
    assert found.remarks == (f"{URL} holds a line that is no sample: 'vllm:num_requests_waiting{{a=\"b 3'",)


def test_a_series_that_stands_twice_counts_once() -> None:
    assert told('vllm:num_requests_running{engine="0"} 2\n' * 2) == {(M.RUNNING, None): 2}


def test_a_page_of_a_million_lines_is_read() -> None:
    text = "x 1\n" * 1_000_000 + "vllm:num_requests_running 2\n"
    assert told(text) == {(M.RUNNING, None): 2}


def test_a_page_with_more_series_than_anybody_has_is_refused() -> None:
    with pytest.raises(EndpointError, match="holds 20,001 lines that would have to be read, more than 20,000"):
        read_metrics("".join(f'vllm:num_requests_running{{engine="{i}"}} 1\n' for i in range(20_001)), URL)


@pytest.mark.parametrize(
    "page",
    [
        "<!DOCTYPE html>\n<html>\n<style>\nbody { margin: 0 }\np 5 px\n</style>\n<form>vllm: log in</form>",
        "Log in to go on\n",
        '{"detail": "Unauthorized"}\n',
    ],
)
def test_a_login_page_is_none(page: str) -> None:
    with pytest.raises(EndpointError, match="is no Prometheus metrics page"):
        read_metrics(page, URL)


def test_a_page_with_a_broken_line_is_still_one() -> None:
    assert [(s.name, s.value) for s in read_exposition("a 1\nb{} x y\n", URL)] == [("a", 1)]
    assert Page("a 1\nb{} x y\n", URL).samples(["b"]) == ([], ["b{} x y"])


BLANKS = [
    -1, 65535, 0xFFFFFFFF, 2147483632.0, 2147483635, 2147483647, 9223372036854775792, 9223372036854775807,
    1.8446744073709552e19, 140737488355328.0, 140737488355331.0, 4294967.295, 700_000,
]  # fmt: skip
"""NVML's and DCGM's blanks, 16, 32 and 64 bits of ones, the same as milliwatts in watts, and a power in milliwatts."""


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_is_no_power_of_a_gpu(blank: float) -> None:
    found = power_page(700.5, blank)
    assert [(r.metric, r.device, r.value) for r in found.readings] == [(M.POWER, "0", 700.5)]
    assert found.remarks == (f"{URL} tells a power of GPU 1 of {blank:g} W, which is no reading",)


@pytest.mark.parametrize("value", [0, 0.25, 1400, 2700.5, 7e2])
def test_what_a_gpu_can_draw_is_its_power(value: float) -> None:
    found = power_page(value)
    assert [r.value for r in found.readings] == [value]
    assert found.remarks == ()


def test_a_gpu_that_tells_its_clock_and_no_power_is_named() -> None:
    page = 'DCGM_FI_DEV_POWER_USAGE{gpu="0"} 700\nDCGM_FI_DEV_POWER_USAGE{gpu="1"} NaN\n'
    found = read_metrics(page + 'DCGM_FI_DEV_SM_CLOCK{gpu="1"} 1900\nDCGM_FI_DEV_SM_CLOCK{gpu="0"} 1900\n', URL)
    assert found.remarks == (f"{URL} tells no power of GPU 1",)


def test_a_count_below_zero_and_a_share_above_one_are_no_readings() -> None:
    found = read_metrics(
        "vllm:num_requests_running -1\nvllm:kv_cache_usage_perc 42\nvllm:num_requests_waiting 1\n", URL
    )
    assert [(r.metric, r.value) for r in found.readings] == [(M.QUEUED, 1)]
    assert found.remarks == (
        f"{URL} tells a running of -1 requests, which is no reading",
        f"{URL} tells a kv_usage of 42 share, which is no reading",
    )


@pytest.mark.parametrize(("reasons", "value"), [(0, 0), (1, 0), (2, 0), (4, 1), (0x40, 1), (0x101, 0)])
def test_power_and_heat_throttle_and_idleness_does_not(reasons: int, value: float) -> None:
    assert told(f'DCGM_FI_DEV_CLOCKS_EVENT_REASONS{{gpu="0"}} {reasons}\n') == {(M.THROTTLED, "0"): value}


@pytest.mark.parametrize("blank", [-1, 9223372036854775792, 2147483632])
def test_a_blank_is_no_set_of_reasons(blank: int) -> None:
    assert told(f'DCGM_FI_DEV_CLOCKS_EVENT_REASONS{{gpu="0"}} {blank}\n') == {}


def test_profiling_shares_of_dcgm() -> None:
    page = (
        'DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",GPU_I_ID="1"} 0.5\nDCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0"} 0.75\n'
        'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{gpu="0"} 0.25\nDCGM_FI_PROF_DRAM_ACTIVE{gpu="0"} 0.125\n'
    )
    assert told(page) == {(M.GPU_BUSY, "0"): 0.75, (M.TENSOR_BUSY, "0"): 0.25, (M.MEMORY_BUSY, "0"): 0.125}
