"""Each check on rows made to break it, and on rows that hold; then all of them on the measured rows, where present."""

from __future__ import annotations

import datetime

import pytest

from inferbench.audits import benchmark_settings, curves, impossible, single_point, speculation
from inferbench.audits.over_time import over_time
from inferbench.audits.report import Check
from inferbench.audits.roofline import Facts, bounds, roofline
from inferbench.catalog.bundled import gpus, models
from inferbench.claim.audit import audit
from inferbench.evidence.measured_point import Latency, RoleWorkers
from tests.support.measured_data import measured
from tests.support.measured_points import DAY, TP8, curve, point

FACTS = Facts(gpus(), models())
SPLIT = {"prefill": RoleWorkers(workers=1, gpus=4, tp=4), "decode": RoleWorkers(workers=2, gpus=16, tp=8)}


def test_littles_law_holds_on_nominal_lengths_and_breaks_beyond_its_band() -> None:
    assert single_point.littles_ratio(point()) == pytest.approx(0.9)
    slow = point(e2el_ms=Latency(mean=10_000))
    checked, flags = single_point.littles_law([point(), slow, point(e2el_ms=None), point(concurrency=None)])
    assert checked == 2
    assert [flag.points for flag in flags] == [(slow.label,)]
    assert "0.45 of the 64" in flags[0].observation
    for scale, flagged in ((0.751, 0), (0.749, 1), (1.049, 0), (1.051, 1)):
        assert len(single_point.littles_law([point(e2el_ms=Latency(p50=20_000 * scale / 0.9))])[1]) == flagged


def test_a_gpu_count_of_tp_times_ep_is_named() -> None:
    role = RoleWorkers(workers=1, gpus=8, tp=8, ep=8)
    _, flags = single_point.gpu_count([point(decode=role, stated_gpus=64), point(decode=role), point(**SPLIT)])
    assert [flag.observation for flag in flags] == ["64 GPUs stated, which is TP x EP (8 x 8), 8 by the topology"]
    other = single_point.gpu_count([point(stated_gpus=16)])[1][0]
    assert other.observation == "16 GPUs stated, 8 by the topology"


def test_a_worker_with_more_gpus_than_it_uses_is_named() -> None:
    two = RoleWorkers(workers=1, gpus=16, tp=8)
    assert single_point.gpu_count([point(decode=two)])[1][0].observation == (
        "decode: 1 worker(s) of TP8/EP1 on 16 GPUs, 16 each"
    )
    wide = RoleWorkers(workers=1, gpus=8, tp=1, ep=8, dp_attention=True)
    assert single_point.gpu_count([point(decode=wide)])[1] == []
    plain = single_point.gpu_count([point(decode=wide.model_copy(update={"dp_attention": False}))])[1]
    assert "without DP attention" in plain[0].observation


def test_rates_add_up_by_role_where_roles_are_apart_and_over_all_gpus_where_not() -> None:
    # 4 prefill GPUs at 800 and 16 decode GPUs at 200 make 3,200 + 3,200 tok/s over 20 GPUs.
    right = point(**SPLIT, tput_per_gpu=320, input_tput_per_gpu=800, output_tput_per_gpu=200)
    cluster = point(**SPLIT, tput_per_gpu=320, input_tput_per_gpu=160, output_tput_per_gpu=160)
    neither = point(tput_per_gpu=320, input_tput_per_gpu=800, output_tput_per_gpu=200)
    whole = point(tput_per_gpu=320, input_tput_per_gpu=160, output_tput_per_gpu=160)
    checked, flags = single_point.accounting([right, cluster, neither, whole, point()])
    assert checked == 4
    assert [flag.points[0] for flag in flags] == [cluster.label, neither.label]
    assert flags[0].observation.endswith("whole-cluster accounting fits")
    assert flags[1].observation.endswith("neither accounting fits")


def test_a_point_that_waits_more_than_it_decodes_is_named() -> None:
    waits = point(ttft_ms=Latency(p50=12_000))
    checked, flags = single_point.waiting([waits, point(ttft_ms=Latency(p50=2_000)), point()])
    assert (checked, len(flags)) == (2, 1)
    assert flags[0].observation.startswith("median TTFT 12.0 s is 60%")


def test_nothing_is_faster_than_its_hardware() -> None:
    gpu, model = gpus()["h200"], models()["deepseek-r1-0528"]
    limits = {what.split(",")[0]: bound for what, _, bound in bounds(point(), gpu, model)}
    # By hand: 37e9 bytes of weights and 0.8 x 1024 tokens x 61 layers x 576 bytes of KV, over 8 x 4.8e12 B/s.
    kv = 0.8 * 1024 * 61 * 576
    assert limits["interactivity"] == pytest.approx(8 * 4.8e12 / (37e9 + kv))
    assert limits["output"] == pytest.approx(4.8e12 / kv)
    assert limits["input"] == pytest.approx(1979e12 / (2 * 37e9))
    fast = point(interactivity=limits["interactivity"] * 1.01)
    drafted = fast.model_copy(update={"speculation": "mtp"})
    checked, flags = roofline([fast, drafted, point(), point(gpu="tpuv7"), point(model="other")], FACTS)
    assert checked == 3
    assert [flag.points for flag in flags] == [(fast.label,)]
    crowd = point(tput_per_gpu=2.1 * limits["input"])
    assert "input" in roofline([crowd], FACTS)[1][0].observation


def test_interactivity_may_rise_by_the_re_run_floor_only() -> None:
    rising = curve({1: 100, 2: 101.5, 4: 103, 8: 60})
    assert len(curves.interactivity_rises(rising)[1]) == 1
    assert "100 -> 102 -> 103 tok/s/user as concurrency goes 1 -> 2 -> 4" in (
        curves.interactivity_rises(rising)[1][0].observation
    )
    assert curves.interactivity_rises(curve({1: 100, 2: 101.9}))[1] == []
    two_topologies = [*curve({1: 100}), *curve({2: 150}, decode=RoleWorkers(workers=2, gpus=16, tp=8))]
    assert curves.interactivity_rises(two_topologies) == (0, [])
    other_days = [*curve({1: 100}), *curve({2: 150}, date=datetime.date(2026, 5, 28))]
    assert curves.interactivity_rises(other_days) == (0, [])


def test_a_curve_that_rises_twice_is_one_curve_with_two_flags() -> None:
    twice = curve({1: 100, 2: 120, 4: 60, 8: 80})
    checked, flags = curves.interactivity_rises(twice)
    assert checked == 1
    assert [flag.points for flag in flags] == [
        (twice[0].label, twice[1].label), (twice[2].label, twice[3].label),
    ]  # fmt: skip


def test_throughput_falls_and_collapses() -> None:
    paces = {64: 50.0, 128: 40.0, 256: 30.0}
    _, flags = curves.throughput_collapses(curve(paces, {64: 1000, 128: 950, 256: 600}))
    assert [flag.observation.split(" ")[1] for flag in flags] == ["falls", "collapses"]
    assert curves.throughput_collapses(curve(paces, {64: 1000, 128: 985, 256: 1200})) == (2, [])


def test_a_point_off_its_own_curve_is_named_where_its_neighbours_are_near() -> None:
    # Throughput that doubles with load is a straight line on logarithmic axes.
    kinked = curve({8: 60, 16: 50, 32: 41}, {8: 100, 16: 300, 32: 400})
    _, flags = curves.off_curve(kinked)
    assert [flag.points for flag in flags] == [(kinked[1].label,)]
    assert "throughput +50%" in flags[0].observation
    assert curves.off_curve(curve({8: 60, 16: 50, 32: 41}, {8: 100, 16: 200, 32: 400})) == (1, [])
    assert curves.off_curve(curve({4: 60, 16: 50, 64: 41}, {4: 100, 16: 900, 64: 400})) == (0, [])


def with_and_without(plain: dict[int, float], gain: dict[int, float], **changes: object) -> list:
    drafted = {c: pace * gain[c] for c, pace in plain.items()}
    return [*curve(plain, **changes), *curve(drafted, speculation="mtp", **changes)]


def test_speculation_gains_at_most_its_depth_and_never_slows() -> None:
    rows = with_and_without({1: 100, 2: 90, 4: 80}, {1: 4.1, 2: 0.9, 4: 1.5})
    checked, flags = speculation.speculation_bound(rows)
    assert checked == 3
    assert "4.10x, above 4x" in flags[0].observation
    assert "slows every user to 0.90x" in flags[1].observation
    assert speculation.speculation_bound(curve({1: 100})) == (0, [])


def test_a_gain_that_rises_with_load_is_set_beside_other_shapes_of_the_day() -> None:
    steep = with_and_without({1: 100, 2: 90, 4: 80}, {1: 1.5, 2: 1.75, 4: 2.7})
    flat = with_and_without({1: 100, 2: 90}, {1: 1.55, 2: 1.4}, isl=8192)
    checked, flags = speculation.speculation_over_load([*steep, *flat])
    assert (checked, len(flags)) == (2, 1)
    assert flags[0].observation.endswith(
        "gains 1.50x at concurrency 1 but 1.75-2.70x at 2 to 4; at 8192/1024 the same day it gains 1.40-1.55x"
    )
    assert speculation.speculation_over_load(with_and_without({1: 100, 2: 90}, {1: 1.5, 2: 1.52}))[1] == []


def test_one_configuration_on_two_days() -> None:
    day = datetime.date(2026, 3, 1)
    slow, fast = point(tput_per_gpu=200, date=day), point(tput_per_gpu=301)
    checked, flags = over_time([slow, fast, point(concurrency=8)])
    assert (checked, len(flags)) == (1, 1)
    assert flags[0].observation == "200 tok/s/GPU (2026-03-01) against 301 (2026-05-27), 1.5x, over 2 measurements"
    assert over_time([slow, point(tput_per_gpu=300)])[1] == []
    assert "median over days" in over_time([point(tput_per_gpu=10, date=None), fast])[1][0].observation


def test_benchmark_switches_are_known_by_stack_and_date() -> None:
    ep = RoleWorkers(workers=1, gpus=8, tp=8, ep=8, dp_attention=True)
    amd = point(gpu="mi355x", framework="mori-sglang", decode=ep, prefill=TP8)
    _, flags = benchmark_settings.benchmark_switches([amd, point(), amd.model_copy(update={"decode": TP8})])
    assert all(flag.points == (amd.label,) for flag in flags)
    assert any("--ep-dispatch-algorithm fake" in flag.observation for flag in flags)
    earlier = amd.model_copy(update={"date": datetime.date(2026, 1, 1)})
    assert len(benchmark_settings.benchmark_switches([earlier])[1]) < len(flags)


def test_the_measured_rows_hold_what_their_study_found() -> None:
    report = audit(measured("inferencex_points.csv"))
    counts = {count.check: count for count in report.checks}
    assert report.points > 1900
    assert counts[Check.ROOFLINE].flagged == counts[Check.ACCOUNTING].flagged == 0
    # What nobody can do, nobody has published: the nearest is FP8 on four B200, and a p99 TTFT at 0.94 of the latency.
    assert counts[Check.WEIGHTS_FIT].flagged == counts[Check.TTFT_IN_REQUEST].flagged == 0
    assert counts[Check.WEIGHTS_FIT].checked > 1900
    assert counts[Check.TTFT_IN_REQUEST].checked > 1100
    assert 34 <= counts[Check.LITTLES_LAW].flagged <= 40
    assert sum("TP x EP" in flag.observation for flag in report.flags) >= 253
    said = {check: " | ".join(f.observation for f in report.flags if f.check is check) for check in Check}
    claimed = (
        f"mi355x mori-sglang fp4 mtp TP8 8192/1024, {DAY}: speculation gains 1.53x at concurrency 1 but 1.75-2.33x"
    )
    assert claimed in said[Check.SPECULATION_OVER_LOAD]
    assert "at 1024/1024 the same day it gains 1.41-1.55x" in said[Check.SPECULATION_OVER_LOAD]
    assert "217 -> 239 -> 278 tok/s/user as concurrency goes 1 -> 2 -> 4" in said[Check.INTERACTIVITY_RISES]
    assert "collapses 1,977 -> 519 tok/s/GPU as concurrency goes 128 -> 256" in said[Check.THROUGHPUT_COLLAPSES]
    assert "collapses 877 -> 51 tok/s/GPU" in said[Check.THROUGHPUT_COLLAPSES]
    assert "falls 1,448 -> 1,314 tok/s/GPU" in said[Check.THROUGHPUT_COLLAPSES]
    assert "519 tok/s/GPU (2026-05-27) against 1,404 (2026-03-03)" in said[Check.OVER_TIME]
    assert len(report.notes) == 3


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("deepseek-ai/DeepSeek-R1-0528", True), ("amd/DeepSeek-R1-0528-MXFP4-v2", True), ("/data/DeepSeek-R1/", True),
        ("deepseek-ai/DeepSeek-V3", True), ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", False), ("deepseek", False),
    ],
)  # fmt: skip
def test_models_are_known_by_their_own_name_and_by_those_of_the_same_dimensions(name: str, known: bool) -> None:
    assert (FACTS.model(name) is not None) is known


def test_weights_that_do_not_fit_a_workers_gpus_are_named_by_role() -> None:
    one = RoleWorkers(workers=1, gpus=1, tp=1)
    alone = point(decode=one)  # DeepSeek-R1 in FP8 on one H200: 671 GB in 141
    checked, flags = impossible.weights_fit([alone, point(), point(model="other"), point(gpu="tpuv7")], FACTS)
    assert (checked, [flag.points for flag in flags]) == (2, [(alone.label,)])
    assert flags[0].observation == "aggregated: fp8 weights of 671 GB in workers of 1 GPUs with 141 GB"
    # Eight workers of one GPU have room for the weights together, and none has by itself.
    apart = point(prefill=TP8, decode=RoleWorkers(workers=8, gpus=8, tp=1))
    assert impossible.weights_fit([apart], FACTS)[1][0].observation.startswith("decode: fp8 weights of 671 GB")
    small_prefill = point(prefill=RoleWorkers(workers=2, gpus=8, tp=4), decode=TP8)
    assert "prefill: fp8 weights of 671 GB in workers of 4 GPUs" in (
        impossible.weights_fit([small_prefill], FACTS)[1][0].observation
    )
    # Half the bytes fit four H200, and FP8 just fits four B200 (as published) but not eight H100.
    four = RoleWorkers(workers=1, gpus=4, tp=4)
    fits = [point(decode=four, precision="fp4"), point(decode=four, gpu="b200")]
    assert impossible.weights_fit(fits, FACTS)[1] == []
    assert len(impossible.weights_fit([point(gpu="h100"), point(decode=four)], FACTS)[1]) == 2


def test_a_first_token_comes_no_later_than_the_last() -> None:
    said = {"mean": 20_500.0, "p50": 19_000.0, "p99": 30_000.0}
    late = point(ttft_ms=Latency(**said))
    checked, flags = impossible.ttft_in_request([late, point(ttft_ms=Latency(mean=20_100)), point()])
    assert (checked, len(flags)) == (2, 1)
    assert flags[0].observation == "mean TTFT 20.50 s is above the mean latency 20.00 s"
    tail = point(ttft_ms=Latency(p99=31_000), e2el_ms=Latency(p99=30_000))
    assert "p99 TTFT 31.00 s is above the p99 latency 30.00 s" in impossible.ttft_in_request([tail])[1][0].observation


def test_a_first_token_comes_within_the_stay_that_a_closed_loop_allows() -> None:
    # 64 in flight at 64/20 x 0.9 requests/s stay 22.2 s, on nominal lengths; 5 % more is let pass.
    stay = 20 / 0.9
    for factor, flagged in ((1.049, 0), (1.051, 1)):
        mean = point(ttft_ms=Latency(mean=1000 * stay * factor), e2el_ms=None)
        median = point(ttft_ms=Latency(p50=2000 * stay * factor), e2el_ms=None)
        assert [len(impossible.ttft_in_request([p])[1]) for p in (mean, median)] == [flagged, flagged]
    said = impossible.ttft_in_request([point(ttft_ms=Latency(mean=60_000), e2el_ms=None)])[1][0].observation
    assert said == "mean TTFT 60.00 s, but 64 requests in flight at 2.88 requests/s stay 22.22 s on average"
    open_loop = point(ttft_ms=Latency(mean=60_000), e2el_ms=None, concurrency=None)
    assert impossible.ttft_in_request([open_loop]) == (0, [])
    # A rate that was divided by fewer GPUs than the topology has is taken as such.
    assert impossible.ttft_in_request([point(ttft_ms=Latency(mean=40_000), e2el_ms=None, stated_gpus=4)])[1] == []
