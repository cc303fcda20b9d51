"""Which requests of a data set are taken, and prompts that go out as they are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferbench.errors import FileError
from inferbench.workload.plan import Arrival
from inferbench.workload.prompt_source import WARM_UP, PromptSource
from inferbench.workload.shared_prefixes import SharedPrefix, prefixes
from inferbench.workload.traces import custom_prompts
from inferbench.workload.traces.block_hashes import digest
from inferbench.workload.traces.request_selection import Pick, pick
from inferbench.workload.traces.trace_reader import count_words
from inferbench.workload.traces.trace_request import BadLines, TraceRequest
from inferbench.workload.verbatim_prompts import LiteralPrompts


def sharegpt(path: Path, lengths: list[tuple[int, int]]) -> Path:
    said = [
        {"conversations": [{"from": "human", "value": "a " * p}, {"from": "gpt", "value": "b " * n}]}
        for p, n in lengths
    ]
    path.write_text(json.dumps(said))
    return path


def taken(kind: str, path: Path, how: Pick) -> list[TraceRequest]:
    picked = pick(kind, path, BadLines(path), count_words, how)
    assert picked is not None
    return list(picked)


def test_conversations_are_those_between_vllms_bounds(tmp_path: Path) -> None:
    """At least 4 tokens each way, at most 1,024 of a prompt and 2,048 of both; a given length need not be 4."""
    edges = [(3, 9), (4, 4), (4, 3), (1024, 1024), (1025, 4), (1000, 1049), (1024, 1025)]
    path = sharegpt(tmp_path / "s.json", edges)
    own = taken("sharegpt", path, Pick(99, 0, shuffle=False))
    assert [(r.isl, r.osl) for r in own] == [(4, 4), (1024, 1024)]
    given = taken("sharegpt", path, Pick(99, 0, shuffle=False, osl=2))
    assert [(r.isl, r.osl) for r in given] == [(4, 2), (4, 2), (1024, 2), (1000, 2), (1024, 2)]


def test_the_seed_decides_which_are_taken_and_the_file_where_nothing_is_shuffled(tmp_path: Path) -> None:
    path = sharegpt(tmp_path / "s.json", [(10 + k, 10) for k in range(100)])
    first = [r.isl for r in taken("sharegpt", path, Pick(10, 1))]
    assert first == [r.isl for r in taken("sharegpt", path, Pick(10, 1))]
    assert first != [r.isl for r in taken("sharegpt", path, Pick(10, 2))]
    assert [r.isl for r in taken("sharegpt", path, Pick(10, 1, shuffle=False))] == list(range(10, 20))


def test_every_row_of_a_long_trace_is_as_likely_to_be_taken(tmp_path: Path) -> None:
    rows = "".join(f"{k},GPT-4,{k + 1},5,0,API log\n" for k in range(20))
    (tmp_path / "b.csv").write_text("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n" + rows)
    times = [0] * 20
    for seed in range(500):
        for request in taken("burstgpt", tmp_path / "b.csv", Pick(5, seed)):
            times[request.isl - 1] += 1
    # Binomial(500, 1/4): five standard deviations are 48.
    assert all(abs(n - 125) < 49 for n in times)


def test_prompts_of_a_file_keep_their_lengths_or_get_one(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"prompt": "a b c", "output_tokens": 7}\n\n{"prompt": "d"}\n{"text": "e"}\nno json\n{"prompt": ""}\n'
    )
    bad = BadLines(path)
    assert list(custom_prompts.read(path, bad)) == [(1, "a b c", 7), (3, "d", None)]
    assert bad.count == 3
    assert bad.examples[0].endswith(':4: has no text under "prompt"')
    assert taken("custom", path, Pick(9, 0, shuffle=False, osl=5)) == [
        TraceRequest(3, 5, text=digest("a b c")),
        TraceRequest(1, 5, text=digest("d")),
    ]
    with pytest.raises(FileError, match=r":3: has no output_tokens; give trace\.osl"):
        taken("custom", path, Pick(9, 0, shuffle=False))
    with pytest.raises(FileError, match="cannot be read"):
        list(custom_prompts.read(tmp_path / "none", bad))


def test_a_warm_up_sends_no_prompt_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "a b c"}\n')
    source = PromptSource(custom=path)
    assert isinstance(source.maker("c1"), LiteralPrompts)
    assert not isinstance(source.maker(WARM_UP), LiteralPrompts)


def test_even_groups_differ_by_one_request_at_most() -> None:
    import numpy as np

    made, _ = prefixes(np.full(10, 5), SharedPrefix(20, 3, even=True), None, np.random.default_rng(0))
    assert made is not None
    assert sorted(np.unique(made.streams, return_counts=True)[1].tolist()) == [3, 3, 4]
    assert made.streams.tolist() != sorted(made.streams.tolist())  # and come in any order


def test_arrivals_follow_the_rate_and_only_replays_their_own_times(tmp_path: Path) -> None:
    from inferbench.runs.bench.bench_plan import BenchLoad, TraceFile

    path = tmp_path / "b.csv"
    rows = "".join(f"{10 * k},GPT-4,{k + 1},5,0,API log\n" for k in range(4))
    path.write_text("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n" + rows)
    moon = tmp_path / "m.jsonl"
    moon.write_text("".join(f'{{"timestamp": {1000 * k}, "input_length": 8, "output_length": 2}}\n' for k in range(4)))

    def arrival(kind: str, file: Path, **more: object) -> tuple[Arrival, list[int]]:
        plan, _ = BenchLoad(num_prompts=4, trace=TraceFile(kind, file), **more).plan("c")  # type: ignore[arg-type]
        due = [] if plan.planned_ns is None else [round(ns / 1e9) for ns in plan.planned_ns.tolist()]
        return plan.arrival, due

    assert arrival("burstgpt", path) == (Arrival.CLOSED, [])
    assert arrival("burstgpt", path, self_timed=True) == (Arrival.TRACE, [0, 10, 20, 30])
    assert arrival("burstgpt", path, request_rate=0.5)[1][-1] == 8
    assert arrival("mooncake", moon) == (Arrival.TRACE, [0, 1, 2, 3])
    assert arrival("mooncake", moon, self_timed=False) == (Arrival.CLOSED, [])
    assert arrival("mooncake", moon, max_concurrency=2) == (Arrival.CLOSED, [])
    assert arrival("mooncake", moon, max_concurrency=2, self_timed=True) == (Arrival.TRACE, [0, 1, 2, 3])
