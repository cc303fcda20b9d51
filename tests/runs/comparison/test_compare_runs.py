"""Two runs side by side, and when that is refused."""

from __future__ import annotations

from typing import Any

import pytest

from inferbench.errors import ExitCode, IncomparableError, UsageError
from inferbench.metrics.summary import Basis, Origin
from inferbench.runs.comparison.compare_runs import compare, differing
from tests.support.factories import point_manifest, point_summary, run_manifest, sweep_point

A = run_manifest(run_id="first")


@pytest.mark.parametrize(
    ("run", "point", "key"),
    [
        ({"scenario_sha256": "f" * 64}, {}, "scenario"),
        ({"scenario_sha256": None}, {}, "scenario"),
        ({"seed": 1}, {}, "seed"),
        ({"book_sha256": "f" * 64}, {}, "price_books"),
        ({}, {"prompt_hash": "other"}, "prompt_hash"),
        ({}, {"engine": "trtllm"}, "engine"),
        ({}, {"model": "llama"}, "model"),
        ({}, {"gpu": "b200"}, "gpu"),
        ({}, {"origin": Origin.MEASURED}, "origin"),
        ({}, {"point": sweep_point(decode_gpus=16)}, "gpus"),
    ],
)
def test_each_key_is_seen_alone_refuses_and_can_be_allowed(
    run: dict[str, Any], point: dict[str, Any], key: str
) -> None:
    b = run_manifest(point_manifest(**point), run_id="second", **run)
    found = differing(A, b)
    assert list(found) == [key]
    left, right = found[key]
    assert left != right
    summaries = [point_summary()]
    with pytest.raises(IncomparableError) as caught:
        compare(A, summaries, b, summaries, basis=Basis.WHOLE_RUN)
    assert str(caught.value) == f"first and second differ in {key}: {left} against {right}"
    assert caught.value.exit_code is ExitCode.INCOMPARABLE
    assert compare(A, summaries, b, summaries, basis=Basis.WHOLE_RUN, allow_different={key})


def test_hosts_and_engine_versions_may_differ() -> None:
    assert differing(A, run_manifest(point_manifest(engine_version="0.6.0"), platform="Darwin")) == {}


def test_points_that_only_one_run_has_are_not_looked_at() -> None:
    other = point_manifest(sweep_point(concurrency=99), gpu="b200")
    assert differing(A, run_manifest(point_manifest(), other)) == {}


def test_the_last_attempt_at_a_point_counts() -> None:
    b = run_manifest(point_manifest(attempt=2), point_manifest(attempt=1, engine="trtllm"))
    assert differing(A, b) == {}


def test_every_difference_is_named_with_both_values_on_one_line() -> None:
    b = run_manifest(point_manifest(engine="trtllm", gpu="b200"), run_id="second", seed=1)
    with pytest.raises(IncomparableError) as caught:
        compare(A, [point_summary()], b, [point_summary()], basis=Basis.WHOLE_RUN, allow_different={"seed"})
    assert str(caught.value) == (
        "first and second differ in engine: sglang in d.t.c8 against trtllm in d.t.c8; "
        "gpu: mi355x in d.t.c8 against b200 in d.t.c8"
    )


def test_a_key_that_does_not_exist_cannot_be_allowed() -> None:
    with pytest.raises(UsageError, match="did you mean 'engine'"):
        compare(A, [point_summary()], A, [point_summary()], basis=Basis.WHOLE_RUN, allow_different={"engin"})


def test_ratios_are_b_over_a_by_hand() -> None:
    a = point_summary(tput_per_gpu=900, interactivity=50, ttft_p50_ms=400, ttft_p99_ms=900)
    b = point_summary(tput_per_gpu=1800, interactivity=40, ttft_p50_ms=500, ttft_p99_ms=450)
    (found,) = compare(A, [a], A, [b], basis=Basis.WINDOW)
    assert (found.point, found.basis, found.not_compared) == ("d.t.c8", Basis.WINDOW, None)
    assert {m.metric: (m.unit, m.a, m.b) for m in found.metrics} == {
        "tput_per_gpu": ("tok/s/GPU", 900, 1800),
        "output_tput": ("tok/s", 1200, 2400),
        "tpot_p50": ("ms", 20, 25),
        "ttft_p50": ("ms", 400, 500),
        "ttft_p99": ("ms", 900, 450),
        "e2el_p50": ("ms", 20_400, 25_500),
    }
    assert {m.metric: m.ratio for m in found.metrics} == pytest.approx(
        {"tput_per_gpu": 2, "output_tput": 2, "tpot_p50": 1.25, "ttft_p50": 1.25, "ttft_p99": 0.5, "e2el_p50": 1.25}
    )


def test_points_are_matched_by_what_they_are_not_by_their_place() -> None:
    one, two, three = (point_summary(sweep_point(concurrency=c), tput_per_gpu=100 * c) for c in (1, 2, 3))
    found = compare(A, [one, two], A, [three, two], basis=Basis.WHOLE_RUN)
    assert [(c.point, c.metrics[0].ratio) for c in found] == [("d.t.c2", 1.0)]


def test_runs_without_a_common_point_are_refused() -> None:
    other = point_summary(sweep_point(concurrency=99))
    with pytest.raises(IncomparableError, match="first and second have no sweep point in common"):
        compare(A, [point_summary()], run_manifest(run_id="second"), [other], basis=Basis.WHOLE_RUN)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"partial": True}, "b: stopped before all requests had ended"),
        ({"invalid": "loop lag 40 ms"}, "b: client INVALID: loop lag 40 ms"),
        ({"window_reason": "two waves only"}, "b: no window figures: two waves only"),
    ],
)
def test_a_point_that_cannot_be_trusted_is_shown_as_such_and_not_compared(bad: dict[str, Any], reason: str) -> None:
    (found,) = compare(A, [point_summary()], A, [point_summary(**bad)], basis=Basis.WINDOW)
    assert (found.metrics, found.not_compared) == ((), reason)


def test_a_figure_that_a_run_lacks_has_no_ratio() -> None:
    summary = point_summary()
    assert summary.whole_run is not None
    single = summary.model_copy(update={"whole_run": summary.whole_run.model_copy(update={"tpot_ms": None})})
    (found,) = compare(A, [summary], A, [single], basis=Basis.WHOLE_RUN)
    tpot = next(m for m in found.metrics if m.metric == "tpot_p50")
    assert (tpot.a, tpot.b, tpot.ratio) == (20, None, None)
