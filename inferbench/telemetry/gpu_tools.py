"""What nvidia-smi and amd-smi print, as readings."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ..domain.errors import EndpointError
from ..domain.telemetry import Metric, Reading

Tool = Literal["nvidia-smi", "amd-smi"]

NVIDIA_FIELDS: Mapping[str, tuple[Metric, float]] = {
    "power.draw.instant": (Metric.POWER, 1.0),
    "power.draw": (Metric.POWER, 1.0),
    "clocks.current.sm": (Metric.GPU_CLOCK, 1.0),
    "clocks.current.memory": (Metric.MEMORY_CLOCK, 1.0),
    "temperature.gpu": (Metric.TEMPERATURE, 1.0),
    "temperature.memory": (Metric.MEMORY_TEMPERATURE, 1.0),
    "memory.used": (Metric.MEMORY_USED, 2.0**20),
    "utilization.gpu": (Metric.GPU_BUSY, 0.01),
}
"""Fields of `nvidia-smi --query-gpu` and their scale. `power.draw` is the mean of a second on Ampere and later."""

COMMANDS: Mapping[Tool, tuple[str, ...]] = {
    "nvidia-smi": (
        "nvidia-smi", f"--query-gpu=index,{','.join(NVIDIA_FIELDS)}", "--format=csv,noheader,nounits",
    ),
    "amd-smi": (
        "amd-smi", "metric", "--power", "--clock", "--temperature", "--energy", "--mem-usage", "--usage", "--json",
    ),
}  # fmt: skip
"""The command of each tool."""


def read_tool(tool: Tool, text: str, name: str) -> tuple[Reading, ...]:
    """Read what a tool printed, one GPU after the other; values that it does not have are left out.

    Raises EndpointError, with `name` for where it was run, where that is not what the tool prints, or tells no power.
    """
    try:
        readings = tuple(_nvidia(text) if tool == "nvidia-smi" else _amd(text))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise EndpointError(f"{name} printed something else than its {_FORMAT[tool]}: {_begin(text)}") from None
    if not any(reading.metric is Metric.POWER for reading in readings):
        raise EndpointError(f"{name} tells no power of any GPU")
    return readings


_FORMAT: Mapping[Tool, str] = {"nvidia-smi": "CSV", "amd-smi": "JSON"}


def _begin(text: str) -> str:
    lines = text.strip().splitlines()
    return repr(lines[0][:60]) if lines else "nothing"


def _number(text: object) -> float | None:
    """A value as a number; the tools write N/A, [N/A] or [Not Supported] for what they do not have."""
    try:
        value = float(str(text).split()[0])
    except (ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def _nvidia(text: str) -> Iterator[Reading]:
    """A line a GPU: its index, then the fields in the order asked for."""
    for row in csv.reader(text.strip().splitlines(), skipinitialspace=True):
        index = str(int(row[0]))
        told: set[Metric] = set()
        for (metric, scale), cell in zip(NVIDIA_FIELDS.values(), row[1:], strict=True):
            value = _number(cell)
            if value is not None and metric not in told:
                told.add(metric)
                yield Reading(metric, value * scale, index)


def _amd(text: str) -> Iterator[Reading]:
    """A JSON object a GPU, in a list, which newer versions wrap as `gpu_data`."""
    data = json.loads(text)
    for gpu in data["gpu_data"] if isinstance(data, dict) else data:
        index = str(int(gpu["gpu"]))
        for metric, value in _of_amd_gpu(gpu):
            if value is not None:
                yield Reading(metric, value, index)


def _of_amd_gpu(gpu: Mapping[str, Any]) -> Iterator[tuple[Metric, float | None]]:
    yield Metric.POWER, _measure(gpu, "power", "socket_power")
    yield Metric.ENERGY, _measure(gpu, "energy", "total_energy_consumption")
    yield Metric.TEMPERATURE, _measure(gpu, "temperature", "hotspot")
    yield Metric.MEMORY_TEMPERATURE, _measure(gpu, "temperature", "mem")
    yield Metric.GPU_CLOCK, _mean_clock(gpu, "gfx_")
    yield Metric.MEMORY_CLOCK, _mean_clock(gpu, "mem_")
    yield Metric.MEMORY_USED, _scaled(_measure(gpu, "mem_usage", "used_vram"), 2.0**20)
    yield Metric.GPU_BUSY, _scaled(_measure(gpu, "usage", "gfx_activity"), 0.01)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _measure(gpu: Mapping[str, Any], section: str, key: str) -> float | None:
    """A measure is `{"value": 750, "unit": "W"}`, in older versions `"750 W"`, or "N/A"."""
    found = gpu[section] if isinstance(gpu.get(section), Mapping) else {}
    measure = found.get(key)
    return _number(measure["value"] if isinstance(measure, Mapping) else measure)


def _mean_clock(gpu: Mapping[str, Any], begin: str) -> float | None:
    """Mean over the dies that have a clock of that kind, `gfx_0` to `gfx_7` on MI300 and later."""
    clocks = gpu["clock"] if isinstance(gpu.get("clock"), Mapping) else {}
    values = [
        _number(clk["value"] if isinstance(clk := entry.get("clk"), Mapping) else clk)
        for name, entry in clocks.items()
        if name.startswith(begin) and isinstance(entry, Mapping)
    ]
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None
