"""Client, servers and GPUs on one time axis, against figures worked out apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inferbench.records.reader import read_records
from inferbench.telemetry.bottleneck_values import Stage
from inferbench.telemetry.series import Gap, Metric, Series, Telemetry, TelemetrySource, WorkerRole
from inferbench.telemetry.timeline import Lane, WatchedPoint, watched_point
from inferbench.units import NS_PER_S
from tests.support.twin_factories import Fixed, Step, cluster
from tests.support.twin_watched import CONCURRENCY, watched_run

GPUS = TelemetrySource(name="nvidia-smi", role=WorkerRole.GPUS, engine="nvidia-smi")


@pytest.fixture
def seen(tmp_path: Path) -> WatchedPoint:
    """A prefill-bound twin beside two GPUs whose power rises by 1 W/s each, and transfers of 20 ms."""
    summary, told = watched_run(
        cluster(prefill=Fixed(0.3), transfer=Fixed(0.002), decode=Step(0.02), max_batch_tokens=1), tmp_path
    )
    at = next(iter(told.series)).at_ns
    seconds = at / NS_PER_S
    decode = next(s for s in told.sources if s.role is WorkerRole.DECODE)
    more = (
        *(Series(GPUS, gpu, Metric.POWER, at, 500 + seconds) for gpu in "01"),
        Series(decode, None, Metric.KV_TRANSFER_TIME_SUM, at, 0.02 * 3 * seconds),
        Series(decode, None, Metric.KV_TRANSFER_TIME_COUNT, at, 3 * seconds),
        Series(decode, None, Metric.KV_TRANSFER_BYTES_SUM, at, 3e6 * seconds),
    )
    gap = Gap(source="r", begin_ns=0, end_ns=1, reason="r cannot be reached")
    telemetry = Telemetry((*told.sources, GPUS), (*told.series, *more), (gap, gap))
    return watched_point(summary, read_records(tmp_path), telemetry)


def lane(seen: WatchedPoint, title: str) -> Lane:
    return next(lane for lane in seen.lanes if lane.title == title)


def known(values: tuple[float | None, ...]) -> list[float]:
    return [v for v in values if v is not None]


def test_all_lanes_share_the_axis(seen: WatchedPoint) -> None:
    assert [lane.title for lane in seen.lanes] == ["TTFT", "TPOT", "Requests", "KV transfer", "KV moved", "Power"]
    assert {len(t.values) for lane in seen.lanes for t in lane.traces} == {len(seen.seconds)}
    steps = np.diff(seen.seconds)
    assert steps == pytest.approx(np.full(len(steps), steps[0]))
    assert steps[0] >= 1
    assert seen.bottleneck.place is Stage.PREFILL_QUEUE
    assert seen.gaps == ("r cannot be reached",)
    assert seen.window is not None
    assert 0 < seen.window[0] < seen.window[1] < seen.seconds[-1]


def test_what_is_known_of_the_run_can_be_read_off(seen: WatchedPoint) -> None:
    (ttft,), (tpot,) = lane(seen, "TTFT").traces, lane(seen, "TPOT").traces
    assert known(tpot.values) == pytest.approx([20] * len(known(tpot.values)), rel=0.05)
    middle = ttft.values[len(ttft.values) // 2]
    # 32 slots through a stage of 0.3 s: a round takes 9.6 s, all but the decode passes of it before the first token.
    assert middle == pytest.approx(9600 - 2000, rel=0.1)
    by_name = {t.name: t.values for t in lane(seen, "Requests").traces}
    assert by_name["in flight (client)"][len(seen.seconds) // 2] == pytest.approx(CONCURRENCY)
    assert "waiting for KV room" not in by_name, "a queue that never held anything is no curve"
    (power,) = lane(seen, "Power").traces
    where = [(s, p) for s, p in zip(seen.seconds, power.values, strict=True) if p is not None]
    assert [p for _, p in where] == pytest.approx([2 * (500 + s) for s, _ in where], rel=0.01)
    assert known(lane(seen, "KV transfer").traces[0].values) == pytest.approx([20] * len(seen.seconds))
    assert known(lane(seen, "KV moved").traces[0].values)[1:-1] == pytest.approx([3] * (len(seen.seconds) - 2))
