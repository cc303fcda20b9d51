"""What a run says beside its figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.endpoint import prefix_cache
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.runs.bench.bench import Client, bench
from inferbench.runs.bench.bench_plan import BenchLoad, TraceFile
from inferbench.simulator.server.server_process import start_paced


@pytest.mark.parametrize(
    ("paths", "asked", "told"),
    [(prefix_cache.PATHS, True, False), (("/nowhere",), True, True), (("/nowhere",), False, False)],
)
def test_a_prefix_cache_that_could_not_be_emptied_is_told(
    paths: tuple[str, ...], asked: bool, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefix_cache, "PATHS", paths)
    with start_paced(5, 1, "paced") as server:
        done = bench(
            Endpoint(server.url, "/v1/completions"), BenchLoad(num_prompts=2, seed=7), Client(flush_cache=asked),
            store=tmp_path,
        )  # fmt: skip
    said = [note for note in done.notes if "not emptied (it has no /nowhere)" in note and "--seed 7" in note]
    assert bool(said) == told, done.notes


@pytest.mark.parametrize(
    ("asked", "lines", "told"),
    [(10, 3, "the trace holds 3 requests, which were sent, and not 10"), (3, 3, None), (2, 3, None), (None, 3, None)],
)
def test_a_trace_of_fewer_lines_than_were_asked_for_says_how_many_it_sends(
    asked: int | None, lines: int, told: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"timestamp": {9 * i}, "input_length": 4, "output_length": 2}}\n' for i in range(lines)))
    plan, notes = BenchLoad(num_prompts=asked, trace=TraceFile("mooncake", path)).plan("c1")
    assert len(plan) == min(asked or lines, lines)
    assert [note for note in notes if "and not" in note] == ([told] if told else [])
