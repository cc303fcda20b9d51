"""What GPU tools and exporters print, against transcripts in their formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.errors import EndpointError
from inferbench.telemetry.exporters.vocabulary import read_metrics
from inferbench.telemetry.gpu_tools import COMMANDS, Tool, read_tool
from inferbench.telemetry.series import Metric, MetricReading

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def transcript(name: str) -> str:
    lines = (TRANSCRIPTS / name).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def told(readings: tuple[MetricReading, ...], device: str) -> dict[Metric, float]:
    return {r.metric: r.value for r in readings if r.device == device}


def test_nvidia_smi() -> None:
    readings = read_tool("nvidia-smi", transcript("nvidia-smi.csv"), "nvidia-smi").readings
    assert told(readings, "0") == {
        Metric.POWER: 641.52, Metric.GPU_CLOCK: 1965, Metric.MEMORY_CLOCK: 3996, Metric.TEMPERATURE: 61,
        Metric.MEMORY_TEMPERATURE: 58, Metric.MEMORY_USED: 172032 * 2**20, Metric.GPU_BUSY: 1.0,
    }  # fmt: skip
    # A card without the one field has the other; what it does not have at all is left out.
    assert told(readings, "1")[Metric.POWER] == 648.11
    assert Metric.MEMORY_TEMPERATURE not in told(readings, "1")
    assert Metric.POWER not in told(readings, "2")


def test_the_transcript_was_asked_for_as_the_tool_is_run() -> None:
    for name, tool in (("nvidia-smi.csv", "nvidia-smi"), ("amd-smi-7.json", "amd-smi"), ("amd-smi-6.json", "amd-smi")):
        text = (TRANSCRIPTS / name).read_text(encoding="utf-8")
        assert f"# {' '.join(COMMANDS[tool])}\n" in text  # type: ignore[index]


def test_amd_smi() -> None:
    readings = read_tool("amd-smi", transcript("amd-smi-7.json"), "amd-smi").readings
    assert told(readings, "0") == {
        Metric.POWER: 742, Metric.ENERGY: 8379612.514, Metric.TEMPERATURE: 73, Metric.MEMORY_TEMPERATURE: 59,
        Metric.GPU_CLOCK: 2085, Metric.MEMORY_CLOCK: 2000, Metric.MEMORY_USED: 262144 * 2**20, Metric.GPU_BUSY: 0.98,
        Metric.MEMORY_BUSY: pytest.approx(0.41),
    }  # fmt: skip
    assert told(readings, "1")[Metric.POWER] == 755


def test_amd_smi_of_older_versions_writes_units_into_the_values() -> None:
    readings = read_tool("amd-smi", transcript("amd-smi-6.json"), "amd-smi").readings
    assert told(readings, "0") == {
        Metric.POWER: 742, Metric.ENERGY: 8379.612, Metric.TEMPERATURE: 41, Metric.MEMORY_TEMPERATURE: 35,
        Metric.GPU_CLOCK: 132, Metric.MEMORY_USED: 283 * 2**20, Metric.GPU_BUSY: 0.98,
    }  # fmt: skip
    assert told(readings, "1") == {}


@pytest.mark.parametrize(
    ("name", "engine", "power", "energy", "clock"),
    [
        ("dcgm-exporter.txt", "dcgm-exporter", (641.52, 648.11), (955287.014, 196764.132), 1965),
        ("amd-device-metrics-exporter.txt", "amd-device-metrics-exporter", (742, 755), (8379612.514, 9e6), 2085),
    ],
)
def test_exporters(
    name: str, engine: str, power: tuple[float, float], energy: tuple[float, float], clock: float
) -> None:
    found = read_metrics((TRANSCRIPTS / name).read_text(encoding="utf-8"), "http://node:9400/metrics")
    readings = found.readings
    assert found.engine == engine
    for device, watts, joules in zip(("0", "1"), power, energy, strict=True):
        assert told(readings, device)[Metric.POWER] == watts
        assert told(readings, device)[Metric.ENERGY] == pytest.approx(joules)
    assert told(readings, "0")[Metric.GPU_CLOCK] == clock


@pytest.mark.parametrize(
    ("tool", "text", "what"),
    [
        ("nvidia-smi", "", "tells no power of any GPU"),
        ("nvidia-smi", "No devices were found\n", "something else than its CSV: 'No devices were found'"),
        ("nvidia-smi", "0, 641.52\n", "something else than its CSV: '0, 641.52'"),
        ("nvidia-smi", "0, N/A, N/A, 1, 1, 1, 1, 1, 1\n", "tells no power of any GPU"),
        ("amd-smi", "", "something else than its JSON: nothing"),
        ("amd-smi", "ERROR: no GPU\nmore", "something else than its JSON: 'ERROR: no GPU'"),
        ("amd-smi", "{}", "something else than its JSON: '{}'"),
        ("amd-smi", "[]", "tells no power of any GPU"),
        ("amd-smi", "[1]", "something else than its JSON: '[1]'"),
        ("amd-smi", '[{"gpu": 0, "power": "N/A"}]', "tells no power of any GPU"),
        ("amd-smi", '[{"gpu": 0, "power": {"socket_power": {"unit": "W"}}}]', "tells no power of any GPU"),
        ("amd-smi", '[{"gpu": 0, "power": {"socket_power": "742 W"}}', "something else than its JSON"),
        ("amd-smi", '{"error": [\n{"code": -2}]}', "something else than its JSON: '{\"error\": ['"),
        ("nvidia-smi", "0, 641,52, 655,30, 1965, 3996, 61, 58, 172032, 100\n", "something else than its CSV"),
        ("nvidia-smi", "0, -1, 2147483632, 1965, 3996, 61, 58, 172032, 100\n", "tells no power of any GPU"),
    ],
)
def test_what_the_tool_does_not_print_gives_one_line(tool: Tool, text: str, what: str) -> None:
    with pytest.raises(EndpointError) as raised:
        read_tool(tool, text, f"ssh node7 {tool}")
    assert str(raised.value).startswith(f"ssh node7 {tool} ")
    assert what in str(raised.value)
    assert "\n" not in str(raised.value)


LOST = ", ".join(["[GPU is lost]"] * 8)
WARNED = f"""WARNING: infoROM is corrupted at gpu 0000:5D:00.0
0, 641.52, 655.30, 1965, 3996, 61, 58, 172032, 100
1, {LOST}
2, [N/A], 648.11, 1950, 3996, 60, N/A, 172030, [N/A]
3, [Unknown Error], [Unknown Error], 1950, 3996, 60, N/A, 172030, 99
4, -1, 644.5, 1950, 3996, 60, N/A, 172030, 99
5, 4294967.295, [Not Supported], 1950, 3996, 60, N/A, 172030, 99
6, 641.52
Unable to determine the device handle for GPU 0000:E1:00.0: GPU is lost.  Reboot the system to recover this GPU
"""


def test_nvidia_smi_with_warnings_a_lost_gpu_and_values_that_cannot_be() -> None:
    found = read_tool("nvidia-smi", WARNED, "nvidia-smi")
    power = {r.device: r.value for r in found.readings if r.metric is Metric.POWER}
    assert power == {"0": 641.52, "2": 648.11, "4": 644.5}
    assert told(found.readings, "5")[Metric.GPU_CLOCK] == 1950
    assert found.remarks == (
        "nvidia-smi also printed 'WARNING: infoROM is corrupted at gpu 0000:5D:00.0'",
        "nvidia-smi also printed '6, 641.52'",
        "nvidia-smi also printed 'Unable to determine the device handle for GPU 0000:E1:00.0: GPU is lost.  "
        "Reboot the system to recover this GPU'",
        "nvidia-smi tells a power of GPU 4 of -1, which is no reading",
        "nvidia-smi tells a power of GPU 5 of 4294967.295, which is no reading",
        "nvidia-smi tells no power of GPU 1: [GPU is lost]",
        "nvidia-smi tells no power of GPU 3: [Unknown Error]",
        "nvidia-smi tells no power of GPU 5: 4294967.295",
    )


def test_nothing_is_said_of_gpus_that_belong_to_another_deployment() -> None:
    found = read_tool("nvidia-smi", WARNED, "nvidia-smi", ("0", "2"))
    assert {r.device for r in found.readings} == {"0", "2"}
    assert all("no power" not in remark for remark in found.remarks)
    with pytest.raises(EndpointError, match="nvidia-smi tells no power of GPU 1, 3"):
        read_tool("nvidia-smi", WARNED, "nvidia-smi", ("1", "3"))


@pytest.mark.parametrize("name", ["amd-smi-7.json", "amd-smi-6.json"])
def test_amd_smi_with_warnings_around_its_json(name: str) -> None:
    clean = read_tool("amd-smi", transcript(name), "amd-smi")
    before = "[WARNING] User is missing the following required groups: render, video\n\n{ not JSON }\n"
    found = read_tool("amd-smi", f"{before}{transcript(name)}\nLegend: x\n", "amd-smi")
    assert found.readings == clean.readings
    assert found.remarks == (
        "amd-smi also printed '[WARNING] User is missing the following required groups: render, video'",
        "amd-smi also printed '{ not JSON }'",
        "amd-smi also printed 'Legend: x'",
        *clean.remarks,
    )


def test_amd_smi_with_sections_and_gpus_that_it_does_not_have() -> None:
    text = (
        '{"gpu_data": [{"gpu": 0, "power": {"socket_power": {"value": 742}, "throttle_status": "THROTTLED"}},'
        '{"gpu": 1, "power": "N/A", "usage": "N/A", "clock": "N/A"}, {"gpu": 2, "power": {"socket_power": "N/A"}},'
        '{"gpu": 3, "power": {"socket_power": {"value": 65535, "unit": "W"}}, "temperature": {"hotspot": "41 C"}},'
        '{"gpu": "x"}, null]}'
    )
    found = read_tool("amd-smi", text, "amd-smi")
    assert told(found.readings, "0") == {Metric.POWER: 742, Metric.THROTTLED: 1}
    assert told(found.readings, "3") == {Metric.TEMPERATURE: 41}
    assert found.remarks == (
        'amd-smi also printed \'{"gpu": "x"}\'',
        "amd-smi also printed 'null'",
        "amd-smi tells a power of GPU 3 of 65535, which is no reading",
        "amd-smi tells no power of GPU 1, 2: N/A",
        "amd-smi tells no power of GPU 3: 65535",
    )
