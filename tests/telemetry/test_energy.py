"""Energy from samples of power: against closed forms, and what must not be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from inferbench.arrays import Floats
from inferbench.metrics.summary import Origin, PointSummary
from inferbench.telemetry.energy import measured_energy, trapezoid
from inferbench.telemetry.series import Gap, Metric, Series, Telemetry, TelemetrySource, WorkerRole
from inferbench.units import NS_PER_S
from tests.support.factories import point_summary, sweep_point

HOST = TelemetrySource(name="amd-smi", role=WorkerRole.GPUS, engine="amd-smi")
SUMMARY = point_summary(sweep_point(prefill_gpus=1, decode_gpus=1))
"""A run of 100 s at 1,800 tok/s, a ninth of them generated, on two GPUs."""
Power = Callable[[Floats], Floats]


def sampled(power: Power, *, begin: float = -1, end: float = 101, step: float = 1.0, gpus: int = 2) -> Telemetry:
    """Power of the GPUs, and the counters that belong to it (by a sum a hundred times finer)."""
    at = np.arange(begin, end + step / 2, step)
    fine = np.linspace(begin, end, 100 * len(at))
    spent = np.concatenate([[0], np.cumsum((power(fine)[1:] + power(fine)[:-1]) / 2 * np.diff(fine))])
    ns = (at * NS_PER_S).astype(np.int64)
    series = []
    for gpu in map(str, range(gpus)):
        series.append(Series(HOST, gpu, Metric.POWER, ns, power(at)))
        series.append(Series(HOST, gpu, Metric.ENERGY, ns, 5e6 + np.interp(at, fine, spent)))
    return Telemetry((HOST,), tuple(series), ())


def steady(t: Floats) -> Floats:
    return np.full(len(t), 700.0)


def rising(t: Floats) -> Floats:
    return 500.0 + 4 * t


def test_a_line_of_power_is_integrated_exactly_whatever_the_samples() -> None:
    at = np.array([-3.0, 0.4, 1.7, 40.2, 99.0, 104.0])
    joules = trapezoid((at * NS_PER_S).astype(np.int64), rising(at), 0, 100 * NS_PER_S)
    assert joules == pytest.approx(100 * 500 + 4 * 100**2 / 2)


@pytest.mark.parametrize(("power", "mean"), [(steady, 700.0), (rising, 700.0)])
def test_figures_follow_from_the_energy(power: Power, mean: float) -> None:
    found = measured_energy(sampled(power), SUMMARY)
    assert found is not None
    assert found.valid, found.reasons
    assert found.origin is Origin.MEASURED
    assert found.joules_total == pytest.approx(2 * mean * 100)
    assert found.mean_power_w_per_gpu == pytest.approx(mean)
    assert found.joules_per_total_token == pytest.approx(2 * mean * 100 / (900 * 2 * 100))
    assert found.joules_per_output_token == pytest.approx(9 * 2 * mean * 100 / (900 * 2 * 100))
    assert found.source == "amd-smi on 2 GPUs every 1.0 s, trapezoid"


def test_without_gpus_there_is_no_energy() -> None:
    assert measured_energy(Telemetry((), (), ()), SUMMARY) is None


def without(telemetry: Telemetry, begin: float, end: float) -> Telemetry:
    """Telemetry in which a span of every series is missing."""

    def cut(series: Series) -> Series:
        keep = (series.at_ns <= begin * NS_PER_S) | (series.at_ns >= end * NS_PER_S)
        return replace(series, at_ns=series.at_ns[keep], values=series.values[keep])

    return replace(telemetry, series=tuple(map(cut, telemetry.series)))


def scaled_counter(telemetry: Telemetry, factor: float) -> Telemetry:
    series = (replace(s, values=s.values * factor) if s.metric is Metric.ENERGY else s for s in telemetry.series)
    return replace(telemetry, series=tuple(series))


@pytest.mark.parametrize(
    ("telemetry", "reason"),
    [
        (sampled(steady, begin=2), "GPU 0 of amd-smi: its samples of power do not reach over the measured span"),
        (sampled(steady, end=98), "GPU 1 of amd-smi: its samples of power do not reach over the measured span"),
        (without(sampled(steady), 40, 43.5), "two samples of power lie 4.0 s apart, more than 3 s"),
        (without(sampled(steady), -0.5, 2.5), "two samples of power lie 4.0 s apart, more than 3 s"),
        (sampled(steady, gpus=1), "power of 1 GPUs was told, and the deployment has 2"),
        (sampled(steady, gpus=3), "power of 3 GPUs was told, and the deployment has 2"),
        (sampled(lambda t: np.where(t < 50, 700.0, 0.0)), "it tells a power of 0 W or less"),
        (scaled_counter(sampled(steady), 1 / 1.06), "differs from its own energy counter by +6.0%, more than 5%"),
        (scaled_counter(sampled(steady), 1 / 0.94), "differs from its own energy counter by -6.0%, more than 5%"),
    ],
    ids=["late", "early", "gap", "gap-at-edge", "one-gpu", "three-gpus", "zero", "counter-low", "counter-high"],
)  # fmt: skip
def test_what_must_not_be_believed(telemetry: Telemetry, reason: str) -> None:
    found = measured_energy(telemetry, SUMMARY)
    assert found is not None
    assert not found.valid
    assert any(reason in line for line in found.reasons), found.reasons


@pytest.mark.parametrize("gap_s", [2, 3])
def test_gaps_of_up_to_three_seconds_pass(gap_s: int) -> None:
    found = measured_energy(without(sampled(steady), 40, 40 + gap_s), SUMMARY)
    assert found is not None
    assert found.valid, found.reasons


@pytest.mark.parametrize("factor", [1 / 1.04, 1 / 0.96])
def test_a_counter_within_five_percent_passes(factor: float) -> None:
    found = measured_energy(scaled_counter(sampled(steady), factor), SUMMARY)
    assert found is not None
    assert found.valid, found.reasons


def test_a_counter_that_began_anew_is_no_check() -> None:
    telemetry = sampled(steady)
    series = (
        replace(s, values=np.where(s.at_ns > 50 * NS_PER_S, 1.0, s.values)) if s.metric is Metric.ENERGY else s
        for s in telemetry.series
    )
    found = measured_energy(replace(telemetry, series=tuple(series)), SUMMARY)
    assert found is not None
    assert found.valid


def test_a_tool_that_never_answered_gives_its_reason() -> None:
    gap = Gap(source="amd-smi", begin_ns=0, end_ns=1, reason="amd-smi cannot be run: No such file or directory")
    found = measured_energy(Telemetry((HOST,), (), (gap,)), SUMMARY)
    assert found is not None
    assert found.joules_total is None
    assert gap.reason in found.reasons


def test_a_run_without_success_has_no_energy_per_token() -> None:
    empty: PointSummary = SUMMARY.model_copy(update={"whole_run": None, "window": None})
    found = measured_energy(sampled(steady), empty)
    assert found is not None
    assert found.joules_total is None
    assert found.reasons == ("no request succeeded",)
