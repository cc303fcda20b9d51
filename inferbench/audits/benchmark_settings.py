"""Settings that a benchmark runs with and a service would not, from the publishers' scripts, by stack and date."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inferbench.audits.cases import CasesSeen, Checked, flag
from inferbench.audits.report import Check
from inferbench.evidence.measured_point import MeasuredPoint


@dataclass(frozen=True)
class Switch:
    """One setting, and where it is known to be on."""

    words: str
    applies: Callable[[MeasuredPoint], bool]
    source: str


def _ep(point: MeasuredPoint) -> bool:
    return any(role.ep > 1 for role in (point.prefill, point.decode) if role)


def _since(point: MeasuredPoint, year: int, month: int, day: int) -> bool:
    return point.date is not None and point.date >= datetime.date(year, month, day)


SWITCHES = (
    Switch(
        "--ep-dispatch-algorithm fake: tokens go to random, perfectly balanced experts, not those of the router",
        lambda p: p.framework == "mori-sglang" and p.gpu == "mi355x" and _ep(p) and p.date is not None,
        "SemiAnalysisAI/InferenceX benchmarks, amd_utils/server_sglang.sh; taken off for accuracy runs only",
    ),
    Switch(
        "SGLANG_MORI_MOE_MAX_INPUT_TOKENS: rows of the MoE input beyond a limit are cut off",
        lambda p: p.framework == "mori-sglang" and p.gpu == "mi355x" and _ep(p) and _since(p, 2026, 5, 7),
        "SemiAnalysisAI/InferenceX benchmarks, amd_utils/env.sh; unset for accuracy runs only",
    ),
    Switch(
        "--stream-interval 100: the server sends 100 tokens at a time",
        lambda p: (
            p.framework == "mori-sglang" and p.precision == "fp4" and p.decode.dp_attention and _since(p, 2026, 5, 7)
        ),
        "SemiAnalysisAI/InferenceX benchmarks, amd_utils/models.yaml",
    ),
    Switch(
        "stream_interval 100: the server sends 100 tokens at a time",
        lambda p: p.framework == "dynamo-trt" and p.gpu == "b200" and p.decode.dp_attention and p.date is not None,
        "NVIDIA/srt-slurm recipes/trtllm/b200-fp4",
    ),
)


def benchmark_switches(points: Sequence[MeasuredPoint]) -> Checked:
    """One flag per switch, with all points that it is known to be on for."""
    on = {switch: [point for point in points if switch.applies(point)] for switch in SWITCHES}
    flags = [
        flag(Check.SWITCHES, switch.source, CasesSeen(own, f"{switch.words} ({len(own)} points)"))
        for switch, own in on.items()
        if own
    ]
    return len(points), flags
