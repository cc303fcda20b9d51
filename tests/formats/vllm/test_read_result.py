"""Results of `vllm bench serve`, of every version and shape: what the file says stays so, and no more is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferbench.audits.single_point import littles_ratio
from inferbench.errors import FileError
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.formats.inferencex.published_summary import assumed, summary_of
from inferbench.formats.inferencex.reader import read_inferencex
from inferbench.formats.vllm.read_result import client_point
from tests.support.measured_data import measured
from tests.support.vllm_results import SAID, detailed, plain


def point_of(result: dict[str, Any]) -> MeasuredPoint:
    return client_point(result, SAID)


def test_completed_and_failed_stay_so_and_lengths_are_totals_over_completed() -> None:
    point = point_of(plain(num_prompts=1000, completed=900, failed=100, total_input_tokens=900 * 250,
                           total_output_tokens=900 * 40, max_concurrency=64))  # fmt: skip
    assert point.marks == ("100 of 1000 requests failed",)
    assert (point.isl, point.osl, point.isl_mean, point.osl_mean) == (250, 40, 250, 40)
    summary = summary_of(point)
    assert summary.counts.model_dump(exclude_defaults=True) == {"planned": 1000, "ok": 900, "error": 100}
    assert (summary.isl_mean, summary.osl_mean, summary.point.concurrency) == (250, 40, 64)
    assert summary.whole_run is not None
    throughput = summary.whole_run.throughput
    assert (throughput.seconds, throughput.request_tput) == (10, 90)
    assert summary.whole_run.ttft_ms is not None
    assert summary.whole_run.ttft_ms.n == 900
    assert not any("0.9 of nominal" in line for line in assumed([point]))


def test_files_of_before_2026_count_those_that_did_not_complete_as_failed() -> None:
    old = plain(num_prompts=100, completed=98)
    for key in ("failed", "rtfx", "max_concurrent_requests", "max_output_tokens_per_s", "latencies", "queue_times"):
        del old[key]
    point = point_of(old)
    assert point.requests is not None
    assert (point.requests.planned, point.requests.ok, point.requests.error) == (100, 98, 2)


@pytest.mark.parametrize("rate", ["inf", float("inf"), None])
def test_without_a_rate_the_limit_is_the_concurrency_or_all_are_sent_at_once(rate: object) -> None:
    closed = point_of(plain(request_rate=rate, max_concurrency=4))
    assert (closed.concurrency, closed.open_loop, closed.request_rate, closed.burstiness) == (4, False, None, None)
    at_once = point_of(plain(request_rate=rate, max_concurrency=None, max_concurrent_requests=100))
    assert (at_once.concurrency, at_once.open_loop) == (100, False)


def test_an_open_loop_has_the_concurrency_that_was_in_flight() -> None:
    """10 requests/s that each take 0.52 s: 5.2 in flight, by Little's law; and neither 100 nor the limit."""
    for limit in (None, 1000):
        point = point_of(plain(request_rate=10.0, burstiness=0.5, max_concurrency=limit, latencies=[0.52] * 100))
        assert (point.concurrency, point.open_loop, point.request_rate, point.burstiness) == (5, True, 10, 0.5)
        assert point.in_flight_mean == pytest.approx(5.2)
        assert point.marks == ("open loop of 10 requests/s: its concurrency is the mean in flight",)
        assert littles_ratio(point) is None
        summary = summary_of(point)
        assert summary.whole_run is not None
        assert summary.whole_run.throughput.in_flight_mean == pytest.approx(5.2)
    assert point_of(plain(request_rate=10.0, max_concurrency=3, latencies=[0.52] * 100)).concurrency == 3


@pytest.mark.parametrize(
    ("changes", "concurrency"),
    [
        ({"latencies": None, "mean_e2el_ms": 720.0}, 7),
        ({"latencies": None}, 5),  # 100 ms + 49 x 8 ms each
        ({"latencies": None, "mean_tpot_ms": None}, 11),  # the peak, where nothing else is known
    ],
)
def test_what_was_in_flight_comes_from_what_the_file_has(changes: dict[str, Any], concurrency: int) -> None:
    known = plain(request_rate=10.0, max_concurrency=None, max_concurrent_requests=11) | changes
    point = point_of({key: value for key, value in known.items() if value is not None})
    assert point.concurrency == concurrency


def test_ramps_and_the_times_of_a_trace_are_open_loops() -> None:
    ramp = point_of(plain(ramp_up_strategy="linear", max_concurrency=None, latencies=[0.52] * 100))
    by_trace = point_of(plain(max_concurrency=None, max_concurrent_requests=9, latencies=[0.52] * 100))
    for point in (ramp, by_trace):
        assert (point.concurrency, point.open_loop, point.request_rate) == (5, True, None)


def test_lists_give_the_real_distributions() -> None:
    result = detailed()
    point = point_of(result)
    ttft = np.array([value for value, error in zip(result["ttfts"], result["errors"], strict=True) if not error]) * 1000
    assert point.ttft_ms is not None
    assert point.ttft_ms.n == result["completed"] == 14
    assert point.ttft_ms.p95 == pytest.approx(np.percentile(ttft, 95))
    assert point.ttft_ms.p999 == pytest.approx(np.percentile(ttft, 99.9))
    assert point.tpot_ms is not None
    assert point.tpot_ms.p50 == pytest.approx(20)
    assert point.itl_ms is not None
    assert point.itl_ms.n == 14 * 49
    assert point.e2el_ms is not None
    assert point.e2el_ms.mean == pytest.approx(ttft.mean() + 49 * 20)
    whole = summary_of(point).whole_run
    assert whole is not None
    assert whole.itl_ms is not None
    assert (whole.itl_ms.n, whole.itl_ms.p95) == (14 * 49, point.itl_ms.p95)


def test_lists_that_do_not_fit_the_counts_are_not_used() -> None:
    for change in ({"completed": 15}, {"ttfts": [0.1]}, {"itls": []}):
        point = point_of(detailed() | change)
        assert point.ttft_ms is not None
        assert (point.ttft_ms.p50, point.ttft_ms.n) == (100, None)
    # Two of those that failed have no error text: then those with output are the ones that completed.
    silent = detailed()
    silent["errors"][0] = ""
    point = point_of(silent)
    assert point.ttft_ms is not None
    assert point.ttft_ms.n == 14


def test_only_end_to_end_latencies_may_be_known() -> None:
    only = {key: value for key, value in plain().items() if not key.endswith(("_ttft_ms", "_tpot_ms", "_itl_ms"))}
    point = point_of(only | {"mean_e2el_ms": 500.0, "median_e2el_ms": 480.0, "p95_e2el_ms": 900.0})
    assert (point.ttft_ms, point.tpot_ms, point.interactivity) == (None, None, None)
    summary = summary_of(point).whole_run
    assert summary is not None
    assert summary.tpot_ms is None
    assert summary.e2el_ms is not None
    assert (summary.e2el_ms.p50, summary.e2el_ms.p95) == (480, 900)


def test_an_appended_file_and_one_with_infinity_are_read_line_by_line(tmp_path: Path) -> None:
    results = [plain(max_concurrency=limit) for limit in (1, 2, 4)]
    path = tmp_path / "appended.json"
    path.write_text("\n".join(json.dumps(result) for result in [*results, plain(request_rate=float("inf"))]) + "\n{")
    imported = read_inferencex(path, SAID)
    assert [point.concurrency for point in imported.points] == [1, 2, 4, 4]
    assert [note.split(" left out: ")[0] for note in imported.notes] == ["appended.json: line 5"]
    (tmp_path / "one.json").write_text(json.dumps(plain(mean_ttft_ms=float("nan"))))
    with pytest.raises(FileError, match=r"one\.json: row 1 left out: mean_ttft_ms: nan is not finite"):
        read_inferencex(tmp_path / "one.json", SAID)


def test_a_sweep_is_its_runs_and_they_are_one_curve(tmp_path: Path) -> None:
    """Each run draws lengths of its own, so that their means differ a little."""
    for number, limit in enumerate((1, 2)):
        folder = tmp_path / "experiment" / f"SERVE--BENCH--max_concurrency={limit}"
        folder.mkdir(parents=True)
        runs = [plain(max_concurrency=limit, total_input_tokens=100 * (256 + i + number), run_number=i) for i in (0, 1)]
        for i, run in enumerate(runs):
            (folder / f"run={i}.json").write_text(json.dumps(run))
        (folder / "summary.json").write_text(json.dumps(runs))
        (folder / "warmup.json").write_text(json.dumps(plain()))
        (folder / "run=2.failure.json").write_text('{"error": "x"}')
    (tmp_path / "experiment" / "summary.csv").write_text("a,b\n1,2\n")
    for top in (tmp_path, tmp_path / "experiment"):
        imported = read_inferencex(top, SAID)
        assert [(point.concurrency, point.isl) for point in imported.points] == [(1, 256), (1, 256), (2, 256), (2, 256)]
        assert [point.isl_mean for point in imported.points] == [256, 257, 257, 258]
    assert sorted(imported.notes) == [
        "experiment: 2 files left out: they are the warm-ups of a sweep",
        "experiment: 2 files left out: they say why a run of a sweep failed",
        "experiment: 3 files left out: they repeat the runs of a sweep",
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"completed": 0, "failed": 100}, "none of its 100 requests succeeded"),
        ({"completed": None}, "completed is missing"),
        ({"output_throughput": None}, "output_throughput is missing"),
        ({"total_output_tokens": None}, "total_output_tokens is missing"),
        ({"max_concurrency": 1.5}, "max_concurrency: 1.5 is not a whole number"),
        ({"request_rate": "fast"}, "request_rate: 'fast' is not a number"),
        ({"request_rate": -1.0}, "request_rate: input should be greater than 0"),
        ({"ttfts": ["x"] * 100, "itls": [[]] * 100, "output_lens": [1] * 100}, "ttfts is no list of numbers"),
        (
            {"ttfts": [0.1] * 100, "itls": [[-1.0]] * 100, "output_lens": [1] * 100},
            "itls holds a value that is no time",
        ),
    ],
)
def test_a_result_that_cannot_be_used_says_why(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    (tmp_path / "r.json").write_text(json.dumps(plain() | changes))
    with pytest.raises(FileError) as caught:
        read_inferencex(tmp_path / "r.json", SAID)
    assert f"r.json: row 1 left out: {why}" in str(caught.value)


def test_keys_that_nobody_knows_are_harmless() -> None:
    assert point_of(plain() | {"invalid": True, "spec_decode_num_drafts": 3, "queue_times": None}) == point_of(plain())


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**20), st.floats(), st.text(max_size=4), st.just([]),
    st.lists(st.one_of(st.floats(), st.lists(st.floats(), max_size=2), st.none()), min_size=20, max_size=20),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(detailed())), ODD, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_no_result_breaks_the_reader(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(detailed() | changes))
    found: tuple[MeasuredPoint, ...] = ()
    lines: tuple[str, ...] = ()
    try:
        found = read_inferencex(path, SAID).points
    except FileError as error:
        lines = (str(error),)
    assert all(summary_of(point).counts.ok >= 1 for point in found if point.concurrency)
    assert not [line for line in lines if "\n" in line]


def test_json_that_is_too_deep_is_one_clear_line(tmp_path: Path) -> None:
    for number, content in enumerate(("[" * 100_000, '{"a":' * 900 + "{}" + "}" * 900, "\x00", "[1]\n[2]")):
        path = tmp_path / f"{number}.json"
        path.write_text(content)
        with pytest.raises(FileError):
            read_inferencex(path, SAID)


@pytest.mark.parametrize(
    ("name", "ok", "failed", "concurrency", "ttft_p50"),
    [
        ("plain", 20, 0, 4, 204.787),
        ("errors", 14, 6, 4, 207.271),
        ("si10", 20, 0, 4, 209.270),
        ("rate4-nodetail", 40, 0, 4, 206.045),
    ],
)
def test_files_that_vllm_wrote(name: str, ok: int, failed: int, concurrency: int, ttft_p50: float) -> None:
    """The open loop of 4 requests/s that each take 1.186 s had 4.24 in flight, not 40, and not the 11 of its peak."""
    path = measured(f"peer-outputs/vllm-bench/{name}.json")
    result = json.loads(path.read_bytes())
    (point,) = read_inferencex(path, SAID).points
    assert point.requests is not None
    assert (point.requests.ok, point.requests.error, point.requests.planned) == (ok, failed, ok + failed)
    assert (point.concurrency, point.open_loop) == (concurrency, name == "rate4-nodetail")
    assert (point.request_rate, point.seconds) == (4.0 if point.open_loop else None, result["duration"])
    assert (point.isl_mean, point.osl_mean) == (result["total_input_tokens"] / ok, 50)
    for metric in ("ttft", "tpot", "itl", "e2el"):
        found = getattr(point, f"{metric}_ms")
        for statistic, key in {"mean": "mean", "p50": "median", "std": "std", "p99": "p99"}.items():
            assert getattr(found, statistic) == pytest.approx(result[f"{key}_{metric}_ms"], rel=1e-6), (metric, key)
    assert point.ttft_ms is not None
    assert point.ttft_ms.p50 == pytest.approx(ttft_p50, abs=0.001)
    assert point.in_flight_mean == pytest.approx(sum(result["latencies"]) / result["duration"])
