"""What a scenario cannot say: what no machine could run, what two keys would share, what is no number, day or name."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.errors import FileError
from inferbench.files.yaml_values import read_value
from inferbench.scenario.scenario import Scenario
from tests.files.test_yaml_values import SCENARIO, error_of

LOADS, NAME, WORKERS = "concurrency: [1, 2, 4, 8]", "name: b200-trtllm\n", "{workers: 1, gpus: 8, tp: 8,"
CLAIMED = "source: the operating point of the published claim"
STREAMS, SLO = "[64, 256, 512, 1024, 2048]", "slo: {ttft_p99_ms: 2000, tpot_p99_ms: 80}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (NAME, "name: nul\n", "deployments[1].name: 'nul' names a device on Windows"),
        (NAME, "name: b200.\n", "deployments[1].name: 'b200.' is not a name: it ends in a dot"),
        (NAME, "name: no\n", "deployments[1].name: input should be a valid string (given False)"),
        (NAME, "name: 1e3\n", "(given 1000.0); put it in quotes"),
        (NAME, f"name: {'a' * 81}\n", "deployments[1].name: string should have at most 80"),
        (LOADS, "concurrency: [64, 64]", "topologies[0].concurrency: 64 is given twice"),
        (LOADS, "concurrency: []", "topologies[0].concurrency: list should have at least 1"),
        (LOADS, "concurrency: [true]", "concurrency[0]: input should be a valid integer"),
        (LOADS, 'concurrency: ["8"]', "concurrency[0]: input should be a valid integer (given"),
        (LOADS, "concurrency: [010]", "concurrency[0]: input should be a valid integer (given"),
        (LOADS, "concurrency: [1:30]", "concurrency[0]: input should be a valid integer (given"),
        (LOADS, "concurrency: 8", "concurrency: input should be a list (given 8)"),
        (LOADS, "concurrency: [1000000]", "1,000,000 are 10,000,000 requests; at most"),
        (LOADS, f"concurrency: [{10**30}]", "concurrency[0]: input should be less than or equal to"),
        (WORKERS, "{workers: 1000000000, gpus: 8, tp: 8,", "prefill.workers: input should be less"),
        (WORKERS, "{workers: 100000, gpus: 8, tp: 8,", "800,008 GPUs in workers; at most 100,000"),
        ("prompts_per_concurrency: 10", "prompts_per_concurrency: 1000000000", "prompts_per_concurrency: input"),
        ("warmups_per_concurrency: 2", "warmups_per_concurrency: 1000", "load.warmups_per_concurrency: 1000 at concu"),
        ("seed: 0", "seed: -1", "load.seed: input should be greater than or equal to 0 (given -1)"),
        ("seed: 0", f"seed: {2**63 - 1}", "load.seed: input should be less than or equal to 9007199254740991"),
        ("seed: 0", "seed: 1.5", "load.seed: input should be a valid integer"),
        ("nominal: 8192,", "nominal: 9000,", "load: isl.nominal 9000 is not within min 6553 and max 8192"),
        (SLO, "slo: {}", "operating_points[5].slo: no limit; give ttft_p99_ms"),
        (SLO, "slo: {ttft_p99_ms: 1e-300}", "1e-300 is not within 1e-09 and"),
        ("name: 75 tok/s/user", "name: 50 tok/s/user", "two operating points are named '50 tok/s/user'"),
        ("name: 75 tok/s/user", "name: ' '", "operating_points[1].name: ' ' is not a name: one line of 1 to 120"),
        ("half_width: 0.25", "half_width: .nan", "twin.half_width: input should be a finite number"),
        ("as_of: 2026-11-24", "as_of: 2026-02-30", "as_of: input should be a valid date in the format YYYY-MM-DD"),
        ("as_of: 2026-11-24", "as_of: 20261124", "as_of: input should be a valid date (given 20261124)"),
        ("books: [inferencex-2025-08,", "books: [inferencex-2026-07,", "inferencex-2026-07 is given twice"),
        (CLAIMED, "source: '  '", "operating_points[3].source: '  ' is not text"),
        ("  waves: 2", "  waves: 1000000000", "live.waves: input should be less than or equal to 100"),
        (STREAMS, "[1000000000]", "live.concurrency[0]: input should be less than or equal to 16384"),
        (STREAMS, "[64, 64]", "live.concurrency: 64 is given twice"),
        ("tpot_ms: 50", "tpot_ms: 100000", "live: it would take 64,002 s at that pace; at most 3,600 s are allowed"),
    ],
)  # fmt: skip
def test_what_would_fail_later_is_one_line_with_its_key(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in error_of(tmp_path, (old, new))


def test_names_that_would_share_a_sweep_points_key_are_refused(tmp_path: Path) -> None:
    text = SCENARIO.read_text().replace("name: b200-trtllm\n", "name: a.b\n", 1).replace("1p5d-tep8-b1\n", "c\n", 1)
    text = text.replace("name: b200-sglang\n", "name: a\n", 1)
    path = tmp_path / "scenario.yaml"
    before, after = text.split("name: a\n")
    path.write_text(f"{before}name: a\n{after.replace('name: 1p1d-tp8', 'name: b.c', 1)}")
    with pytest.raises(FileError) as caught:
        read_value(path, Scenario)
    said = str(caught.value)
    assert (
        "deployment 'a.b' in topology 'c' and deployment 'a' in topology 'b.c' would both be sweep points a.b.c" in said
    )
    path.write_text(f"{before}name: a\n{after.replace('name: 1p1d-tp8', 'name: b.d', 1)}")
    assert read_value(path, Scenario).deployment("a").topology("b.d")


def test_what_is_wrong_is_one_line_of_a_readable_length(tmp_path: Path) -> None:
    assert len(error_of(tmp_path, ("gpu: mi355x", f"gpu: mi355x\n    {'k' * 5000}: 1"))) < 600
    assert len(error_of(tmp_path, ("precision: fp4", f"precision: {'p' * 5000}"))) < 300
    assert "\\n" in error_of(tmp_path, ("gpu: mi355x", 'gpu: mi355x\n    "a\\nb": 1'))
