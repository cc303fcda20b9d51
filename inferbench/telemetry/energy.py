"""Energy of a deployment's GPUs over the measured span, from their power, and whether it may be believed.

The rules are InferenceX's (`utils/aggregate_power.py`): per GPU a trapezoid over samples of power, interpolated at both
ends of the span, no two samples further apart than 3 s, and within 5 % of the GPU's own energy counter where it has
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from inferbench.metrics.summary import EnergySummary, Origin, PointSummary
from inferbench.telemetry.series import Metric, Series, Telemetry, WorkerRole
from inferbench.units import NS_PER_S

MAX_GAP_S = 3.0
"""Longest time between two samples of power that are joined by a line."""
TOLERANCE = 0.05
"""Largest relative difference between the trapezoid and the GPU's own counter."""


def measured_energy(telemetry: Telemetry, summary: PointSummary) -> EnergySummary | None:
    """The energy of a sweep point's GPUs from first start to last token; None where no GPU was watched.

    `telemetry` is on the run's clock. Figures that the rules do not let pass are there where they can be computed at
    all, and are not `valid`.
    """
    if not any(source.role is WorkerRole.GPUS for source in telemetry.sources):
        return None
    power = list(telemetry.of(Metric.POWER, WorkerRole.GPUS))
    run = summary.whole_run
    if run is None or run.begin_ns is None or run.end_ns is None:
        return _summary(power, None, summary, ("no request succeeded",))
    begin, end = run.begin_ns, run.end_ns
    reasons = [*_count_reasons(power, telemetry, summary.point.gpus)]
    joules = []
    for series in power:
        found, why = _of_gpu(series, _counter(series, telemetry), begin, end)
        joules.append(found)
        reasons += [f"{_name(series)}: {reason}" for reason in why]
    known = [j for j in joules if j is not None]
    total = sum(known) if known and len(known) == len(joules) else None
    return _summary(power, total, summary, tuple(reasons))


def trapezoid(
    at_ns: Sequence[int] | np.ndarray, watts: Sequence[float] | np.ndarray, begin_ns: int, end_ns: int
) -> float:
    """Energy from power samples over [begin_ns, end_ns], J, with power interpolated linearly at both ends."""
    at, power = np.asarray(at_ns, dtype=np.float64), np.asarray(watts, dtype=np.float64)
    inside = (at > begin_ns) & (at < end_ns)
    times = np.concatenate([[begin_ns], at[inside], [end_ns]])
    return float(np.trapezoid(np.interp(times, at, power), times)) / NS_PER_S


def _of_gpu(power: Series, counter: Series | None, begin: int, end: int) -> tuple[float | None, list[str]]:
    """Energy of one GPU, J, None where its samples do not reach over the span; and why it must not be believed."""
    at = power.at_ns
    if not len(at) or at[0] > begin or at[-1] < end:
        return None, ["its samples of power do not reach over the measured span"]
    first, last = np.searchsorted(at, begin, side="right") - 1, np.searchsorted(at, end, side="left")
    reasons = []
    longest = float(np.diff(at[first : last + 1]).max(initial=0)) / NS_PER_S
    if longest > MAX_GAP_S:
        reasons.append(f"two samples of power lie {longest:.1f} s apart, more than {MAX_GAP_S:g} s")
    if (power.values[first : last + 1] <= 0).any():
        reasons.append("it tells a power of 0 W or less")
    joules = trapezoid(at, power.values, begin, end)
    if counter is not None and (off := _off(joules, counter, begin, end)) is not None and abs(off) > TOLERANCE:
        reasons.append(f"power over time differs from its own energy counter by {off:+.1%}, more than {TOLERANCE:.0%}")
    return joules, reasons


def _off(joules: float, counter: Series, begin: int, end: int) -> float | None:
    """The trapezoid over what the counter says, minus 1; None where the counter does not reach over the span."""
    at = counter.at_ns
    if len(at) < 2 or at[0] > begin or at[-1] < end or (np.diff(counter.values) < 0).any():
        return None
    own = float(np.diff(np.interp([begin, end], at, counter.values))[0])
    return joules / own - 1 if own > 0 else None


def _counter(power: Series, telemetry: Telemetry) -> Series | None:
    same = (s for s in telemetry.of(Metric.ENERGY) if s.source == power.source and s.device == power.device)
    return next(same, None)


def _count_reasons(power: list[Series], telemetry: Telemetry, gpus: int) -> Iterator[str]:
    if len(power) != gpus:
        yield f"power of {len(power)} GPUs was told, and the deployment has {gpus}"
    told = {series.source.name for series in power}
    for gap in telemetry.gaps:
        silent = any(s.name == gap.source and s.role is WorkerRole.GPUS for s in telemetry.sources)
        if silent and gap.source not in told:
            yield gap.reason


def _name(series: Series) -> str:
    return f"GPU {series.device} of {series.source.name}" if series.device else series.source.name


def _summary(
    power: list[Series], total: float | None, summary: PointSummary, reasons: tuple[str, ...]
) -> EnergySummary:
    run = summary.whole_run
    seconds = run.throughput.seconds if run else None
    tput = run.throughput if run else None
    output = tput.output_tput * seconds if tput and seconds else 0.0
    tokens = tput.total_tput * seconds if tput and seconds else 0.0
    return EnergySummary(
        origin=Origin.MEASURED,
        source=_source(power),
        joules_total=total,
        joules_per_output_token=total / output if total is not None and output else None,
        joules_per_total_token=total / tokens if total is not None and tokens else None,
        mean_power_w_per_gpu=total / seconds / len(power) if total is not None and seconds and power else None,
        valid=not reasons,
        reasons=tuple(dict.fromkeys(reasons)),
    )


def _source(power: list[Series]) -> str:
    if not power:
        return "no GPU told its power"
    tools = sorted({series.source.engine or series.source.name for series in power})
    beats = [float(np.median(np.diff(s.at_ns))) / NS_PER_S for s in power if len(s.at_ns) > 1]
    every = f" every {np.median(beats):.1f} s" if beats else ""
    return f"{', '.join(tools)} on {len(power)} GPUs{every}, trapezoid"
