"""What nvidia-smi and amd-smi print, as readings; lines and GPUs that cannot be read cost nobody else's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from inferbench.errors import EndpointError
from inferbench.telemetry.possible_values import possible
from inferbench.telemetry.series import Metric, MetricReading, SourceReading

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

NAMED = 3
"""Odd lines that are shown."""
SHOWN = 120
"""Characters of an odd line that are shown."""
_FORMAT: Mapping[Tool, str] = {"nvidia-smi": "CSV", "amd-smi": "JSON"}
_THROTTLED = {"THROTTLED": 1.0, "UNTHROTTLED": 0.0}

Cells = list[tuple[Metric, float, object]]
"""What a tool prints of a GPU, in order of preference: metric, scale, and the value as printed."""


@dataclass
class _Sheet:
    """What a tool printed, GPU by GPU, and what else."""

    rows: list[tuple[str, Cells]] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    foreign: bool = False
    """Nothing of it is in the tool's format."""


def read_tool(tool: Tool, text: str, name: str, devices: Sequence[str] = ()) -> SourceReading:
    """Read what a tool printed of these GPUs, of all where none is named; values that it does not have are left out.

    Warnings before and after, GPUs that are lost and values that cannot be are said in remarks. Raises EndpointError,
    with `name` for where it was run, where it is not what the tool prints, or tells no power of any of the GPUs.
    """
    sheet = _nvidia(text) if tool == "nvidia-smi" else _amd(text)
    if sheet.foreign:
        raise EndpointError(f"{name} printed something else than its {_FORMAT[tool]}: {_begin(text)}")
    remarks = [f"{name} also printed {line[:SHOWN]!r}" for line in sheet.odd[:NAMED]]
    readings: list[MetricReading] = []
    silent: dict[str, list[str]] = {}
    for device, cells in sheet.rows:
        if devices and device not in devices:
            continue
        found = {reading.metric: reading for reading in reversed(list(_readings(device, cells, name, remarks)))}
        readings += found.values()
        if Metric.POWER not in found:
            shown = next((str(cell) for metric, _, cell in cells if metric is Metric.POWER), "nothing")
            silent.setdefault(shown, []).append(device)
    whose = f"GPU {', '.join(devices)}" if devices else "any GPU"
    if not any(reading.metric is Metric.POWER for reading in readings):
        raise EndpointError(f"{name} tells no power of {whose}")
    remarks += [f"{name} tells no power of GPU {', '.join(gpus)}: {_shown(shown)}" for shown, gpus in silent.items()]
    return SourceReading(tool, tuple(readings), tuple(dict.fromkeys(remarks)))


def _shown(cell: object) -> str:
    text = str(cell)[:SHOWN]
    return text if text.isprintable() else repr(text)


def _begin(text: str) -> str:
    lines = text.strip().splitlines()
    return repr(lines[0][:60]) if lines else "nothing"


def _readings(device: str, cells: Cells, name: str, remarks: list[str]) -> Iterator[MetricReading]:
    for metric, scale, cell in cells:
        value = _number(cell)
        if value is None:
            continue
        if possible(metric, value * scale):
            yield MetricReading(metric, value * scale, device)
        else:
            remarks.append(f"{name} tells a {metric} of GPU {device} of {_shown(cell)}, which is no reading")


def _number(cell: object) -> float | None:
    """A value as a number; the tools write N/A, [N/A], [Not Supported], [GPU is lost] for what they do not have."""
    try:
        value = float(str(cell).split()[0])
    except (ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def _nvidia(text: str) -> _Sheet:
    """A line a GPU: its index, then the fields in the order asked for."""
    sheet = _Sheet()
    for line in filter(None, map(str.strip, text.splitlines())):
        index, *cells = (cell.strip() for cell in line.split(","))
        if index.isdecimal() and len(cells) == len(NVIDIA_FIELDS):
            fields = zip(NVIDIA_FIELDS.values(), cells, strict=True)
            sheet.rows.append((index, [(metric, scale, cell) for (metric, scale), cell in fields]))
        else:
            sheet.odd.append(line)
    sheet.foreign = bool(sheet.odd) and not sheet.rows
    return sheet


def _amd(text: str) -> _Sheet:
    """A JSON object a GPU, in a list, which newer versions wrap as `gpu_data`."""
    begin, end, gpus = _json_within(text)
    odd = [line.strip() for part in (text[:begin], text[end:]) for line in part.splitlines()]
    sheet = _Sheet(odd=[line for line in odd if line])
    for gpu in gpus or ():
        if isinstance(gpu, Mapping) and str(gpu.get("gpu")).isdecimal():
            sheet.rows.append((str(gpu["gpu"]), list(_amd_cells(gpu))))
        else:
            sheet.odd.append(json.dumps(gpu))
    sheet.foreign = gpus is None or (bool(gpus) and not sheet.rows)
    return sheet


def _json_within(text: str) -> tuple[int, int, list[Any] | None]:
    """Where the list of GPUs begins and ends in a text that may say other things around it, and the list, if any."""
    decoder, at = json.JSONDecoder(), 0
    for line in text.splitlines(keepends=True):
        if line.lstrip()[:1] in ("[", "{"):
            begin = at + len(line) - len(line.lstrip())
            try:
                data, end = decoder.raw_decode(text, begin)
            except (ValueError, RecursionError):
                data = None
            gpus = data.get("gpu_data") if isinstance(data, dict) else data
            if isinstance(gpus, list):
                return begin, end, gpus
        at += len(line)
    return len(text), len(text), None


def _amd_cells(gpu: Mapping[str, Any]) -> Iterator[tuple[Metric, float, object]]:
    yield Metric.POWER, 1.0, _measure(gpu, "power", "socket_power")
    yield Metric.ENERGY, 1.0, _measure(gpu, "energy", "total_energy_consumption")
    yield Metric.TEMPERATURE, 1.0, _measure(gpu, "temperature", "hotspot")
    yield Metric.MEMORY_TEMPERATURE, 1.0, _measure(gpu, "temperature", "mem")
    yield Metric.GPU_CLOCK, 1.0, _mean_clock(gpu, "gfx_")
    yield Metric.MEMORY_CLOCK, 1.0, _mean_clock(gpu, "mem_")
    yield Metric.MEMORY_USED, 2.0**20, _measure(gpu, "mem_usage", "used_vram")
    yield Metric.GPU_BUSY, 0.01, _measure(gpu, "usage", "gfx_activity")
    yield Metric.MEMORY_BUSY, 0.01, _measure(gpu, "usage", "umc_activity")
    yield Metric.THROTTLED, 1.0, _THROTTLED.get(str(_measure(gpu, "power", "throttle_status")), "N/A")


def _measure(gpu: Mapping[str, Any], section: str, key: str) -> object:
    """A measure is `{"value": 750, "unit": "W"}`, in older versions `"750 W"`, or "N/A", as a section may be."""
    found = gpu.get(section)
    measure = found.get(key, "N/A") if isinstance(found, Mapping) else found
    return measure.get("value", "N/A") if isinstance(measure, Mapping) else measure


def _mean_clock(gpu: Mapping[str, Any], begin: str) -> float | None:
    """Mean over the dies that have a clock of that kind, `gfx_0` to `gfx_7` on MI300 and later."""
    clocks = gpu["clock"] if isinstance(gpu.get("clock"), Mapping) else {}
    values = [
        _number(clk.get("value") if isinstance(clk := entry.get("clk"), Mapping) else clk)
        for name, entry in clocks.items()
        if name.startswith(begin) and isinstance(entry, Mapping)
    ]
    numbers = [value for value in values if value is not None and possible(Metric.GPU_CLOCK, value)]
    return sum(numbers) / len(numbers) if numbers else None
