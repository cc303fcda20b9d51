"""The place that holds a point back: of twins in which it is known, and of constructed figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferbench.metrics.summary import PointSummary
from inferbench.telemetry.bottleneck import find_bottleneck
from inferbench.telemetry.bottleneck_values import Stage
from inferbench.telemetry.series import Metric, Series, Telemetry, TelemetrySource, WorkerRole
from inferbench.units import NS_PER_S
from tests.support.factories import basis_summary, point_summary
from tests.support.twin_factories import Fixed, Step, cluster
from tests.support.twin_watched import watched_run

FAST = {"prefill": Fixed(0.005), "transfer": Fixed(0.002), "decode": Step(0.02), "max_batch_tokens": 1}
"""A request takes 2 s, nearly all of it in decode passes, whose time does not rise with the batch."""


@pytest.mark.parametrize(
    ("slow", "place"),
    [
        ({"prefill": Fixed(0.3)}, Stage.PREFILL_QUEUE),  # 32 in flight, 0.3 s each: a queue of 9.6 s
        ({"transfer": Fixed(0.3)}, Stage.KV_TRANSFER),
        ({}, Stage.DECODE),
        ({"max_running": 4}, Stage.DECODE),
        ({"router_s": 3.0}, Stage.ROUTER),
        ({"late_s": 3.0}, Stage.HOST_STREAMING),
    ],
    ids=["prefill", "kv", "decode", "decode-memory", "router", "streaming"],
)
def test_a_twin_whose_bottleneck_is_known(tmp_path: Path, slow: dict[str, Any], place: Stage) -> None:
    around = {key: value for key, value in slow.items() if key in ("router_s", "late_s")}
    inside = {key: value for key, value in slow.items() if key not in around}
    summary, telemetry = watched_run(cluster(**{**FAST, **inside}), tmp_path, **around)
    found = find_bottleneck(summary, telemetry)
    assert found.place is place, (found.evidence, found.shares)
    assert sum(found.shares.values()) == pytest.approx(1, abs=0.15), "the places hold what is in flight"
    assert f"{found.shares[place]:.0%}" in found.evidence[0]


def test_the_same_twin_seen_by_a_client_that_is_late_is_the_clients(tmp_path: Path) -> None:
    summary, telemetry = watched_run(cluster(**{**FAST, "prefill": Fixed(0.3)}), tmp_path)
    late = point_summary(invalid="its stamps are late").client
    found = find_bottleneck(summary.model_copy(update={"client": late}), telemetry)
    assert found.place is Stage.CLIENT
    assert found.evidence == ("The client is INVALID: its stamps are late.",)


def test_two_slow_places_that_hold_as_much_are_undecided(tmp_path: Path) -> None:
    summary, telemetry = watched_run(cluster(**FAST), tmp_path, router_s=3.0, late_s=3.0)
    found = find_bottleneck(summary, telemetry)
    assert found.place is None
    assert found.outcome == "undecided"
    assert "too near to each other" in found.evidence[0]


def aggregated(n: int = 20, **numbers: float) -> tuple[PointSummary, Telemetry]:
    """8 requests in flight, 1 request/s, mean TTFT 400 ms, on one server that tells these gauges."""
    server = TelemetrySource(name="http://s", role=WorkerRole.SERVER, engine="vllm")
    at = np.linspace(0, 100, n).astype(np.int64) * NS_PER_S
    series = [Series(server, None, Metric(name), at, np.full(n, value)) for name, value in numbers.items()]
    return point_summary(), Telemetry((server,), tuple(series), ())


@pytest.mark.parametrize(
    ("numbers", "place"),
    [
        ({"running": 7.8, "queued": 0.0}, Stage.DECODE),
        ({"running": 4.0, "queued": 4.0}, Stage.PREFILL_QUEUE),
        ({"running": 4.0, "queued": 0.0}, Stage.HOST_STREAMING),
    ],
)
def test_constructed_figures_of_one_server(numbers: dict[str, float], place: Stage) -> None:
    found = find_bottleneck(*aggregated(**numbers))
    assert found.place is place, found


def test_an_engine_whose_own_ttft_is_short_leaves_the_rest_to_the_router() -> None:
    summary, telemetry = aggregated(running=4.0, queued=0.0)
    run = basis_summary(12, ttft_p50_ms=4_100)
    (server,) = telemetry.sources
    at = np.array([0, 50, 100]) * NS_PER_S
    own = (
        Series(server, None, Metric.TTFT_SUM, at, np.array([0.0, 5.0, 10.0])),
        Series(server, None, Metric.TTFT_COUNT, at, np.array([0.0, 50.0, 100.0])),
    )
    telemetry = Telemetry(telemetry.sources, (*telemetry.series, *own), ())
    found = find_bottleneck(summary.model_copy(update={"whole_run": run, "window": None}), telemetry)
    assert found.place is Stage.ROUTER
    assert found.shares[Stage.ROUTER] == pytest.approx((4.1 - 0.1) / 8)
    assert "The engine's own mean time to the first token was 100.0 ms." in found.evidence


@pytest.mark.parametrize("missing", ["telemetry", "engine", "looks", "requests", "in flight"])
def test_undecided_says_what_is_missing(missing: str) -> None:
    summary, telemetry = aggregated(n=2 if missing == "looks" else 20, running=7.8)
    words = {
        "telemetry": "Nothing was watched",
        "engine": "No engine was watched",
        "looks": "http://s told its running requests 2 times",
        "requests": "No request succeeded",
        "in flight": "do not say how many requests were in flight",
    }
    given: Telemetry | None = telemetry
    if missing == "telemetry":
        given = None
    if missing == "engine":
        given = Telemetry((), (), ())
    if missing == "requests":
        summary = summary.model_copy(update={"whole_run": None, "window": None})
    if missing == "in flight":
        run = basis_summary(12)
        throughput = run.throughput.model_copy(update={"in_flight_mean": None})
        summary = summary.model_copy(
            update={"whole_run": run.model_copy(update={"throughput": throughput}), "window": None}
        )
    found = find_bottleneck(summary, given)
    assert found.place is None
    assert words[missing] in " ".join(found.evidence)


@pytest.mark.parametrize(
    ("role", "word"), [(WorkerRole.PREFILL, "no decode worker"), (WorkerRole.DECODE, "no prefill worker")]
)
def test_half_of_a_pair_is_not_enough(role: WorkerRole, word: str) -> None:
    summary, telemetry = aggregated(running=8.0)
    one = TelemetrySource(name="one", role=role, engine="sglang")
    series = tuple(Series(one, None, s.metric, s.at_ns, s.values) for s in telemetry.series)
    assert word in find_bottleneck(summary, Telemetry((one,), series, ())).evidence[0]
