"""What a trace does not say itself: the tokens of a block and the unit of its times. Told, found out, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.errors import FileError, UsageError
from inferbench.workload.prompts import WordPrompts
from inferbench.workload.traces.replay_plan import trace_plan
from inferbench.workload.traces.trace_reader import open_trace
from tests.support.measured_data import measured
from tests.support.trace_lines import MOONCAKE, as_lines, settled, write


def blocks_of(size: int, *lengths: int, whole_alone: bool = False) -> str:
    """A trace in which each prompt shares all blocks that the one before it has."""
    counts = [isl // size if whole_alone else -(-isl // size) for isl in lengths]
    return as_lines(
        {"timestamp": 1000 * i, "input_length": isl, "output_length": 1, "hash_ids": list(range(n))}
        for i, (isl, n) in enumerate(zip(lengths, counts, strict=True))
    )


def test_twenty_ids_for_320_tokens_are_blocks_of_16(tmp_path: Path) -> None:
    found, _ = settled("mooncake", write(tmp_path / "t", blocks_of(16, 320, 330, 16)))
    assert found.block == 16
    assert found.remarks == ("the trace's block ids stand for 16 tokens each, not for the usual 512, and were read so",)
    plan = trace_plan(found.requests, seed=0, salt="s", block=found.block)
    first, second, _ = (WordPrompts("s").make(plan.request(row)).split() for row in range(3))
    assert (len(first), len(second)) == (320, 330)
    assert first == second[:320]


@pytest.mark.parametrize("size", [16, 64, 128, 256, 512, 1024, 2048])
def test_every_standard_size_is_found_and_another_than_the_usual_is_said(tmp_path: Path, size: int) -> None:
    found, _ = settled("mooncake", write(tmp_path / "t", blocks_of(size, 5000, 4097, 3001)))
    assert found.block == size
    assert bool(found.remarks) == (size != 512)


def test_ids_of_whole_blocks_alone_are_read_so(tmp_path: Path) -> None:
    found, _ = settled("mooncake", write(tmp_path / "t", blocks_of(64, 130, 200, 70, whole_alone=True)))
    assert found.block == 64
    plan = trace_plan(found.requests, seed=0, salt="s", block=found.block)
    one, two, _ = (WordPrompts("s").make(plan.request(row)).split() for row in range(3))
    assert one[:128] == two[:128]
    assert one[128:] != two[128:130]


@pytest.mark.parametrize(
    ("content", "block", "why"),
    [
        (blocks_of(16, 320) + blocks_of(512, 5000), None, "t:1: 20 hash_ids for 320 tokens are no blocks of 512 tokens;"
         " no size fits all lines"),
        (blocks_of(24, 320, 48, 1000), None, "t:1: 14 hash_ids for 320 tokens are no blocks of 512 tokens; "
         "give trace.block_size: 24 fits all lines"),
        (blocks_of(16, 320), 512, "t:1: 20 hash_ids for 320 tokens are no blocks of 512 tokens; trace.block_size 16"),
        (blocks_of(512, 1300, 5000), 16, "trace.block_size 512 fits all lines"),
    ],
)  # fmt: skip
def test_blocks_that_cannot_be_are_refused_with_what_can(
    tmp_path: Path, content: str, block: int | None, why: str
) -> None:
    with pytest.raises(FileError) as caught:
        settled("mooncake", write(tmp_path / "t", content), block=block)
    assert why in str(caught.value)


def test_a_size_that_is_told_is_taken_without_a_word(tmp_path: Path) -> None:
    found, _ = settled("mooncake", write(tmp_path / "t", blocks_of(24, 320, 48)), block=24)
    assert (found.block, found.remarks) == (24, ())


def test_ids_may_be_hashes_of_64_bits_or_hexadecimal_text(tmp_path: Path) -> None:
    big, text = 2**64 - 1, "9f86d081884c7d65"
    entries = [
        {"timestamp": i * 1000, "input_length": 600, "output_length": 1, "hash_ids": ids}
        for i, ids in enumerate([[big, 1], [big, text], [2**60, text]])
    ]
    found, _ = settled("mooncake", write(tmp_path / "t", as_lines(entries)))
    first, second, third = (request.blocks for request in found.requests)
    assert first[0] == second[0] != third[0]
    assert second[1] == third[1] != first[1]
    assert all(0 <= block < 2**60 for blocks in (first, second, third) for block in blocks)


def with_times(*times: float) -> str:
    return as_lines({**MOONCAKE[0], "timestamp": at} for at in times)


def test_a_fraction_may_be_of_a_second_and_is_refused_until_its_unit_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t", with_times(0, 0.5, 27.25))
    with pytest.raises(FileError, match=r"t:2: timestamp is 0\.5, and the milliseconds .* are whole: say .* ms or s"):
        settled("mooncake", path)
    for unit, seconds in {"s": [0, 0.5, 27.25], "ms": [0, 0.0005, 0.02725]}.items():
        found, _ = settled("mooncake", path, unit=unit)
        assert [request.at_s for request in found.requests] == pytest.approx(seconds)
        assert found.remarks == ()


def test_milliseconds_written_as_floats_are_milliseconds(tmp_path: Path) -> None:
    found, _ = settled("mooncake", write(tmp_path / "t", with_times(0.0, 3000.0)))
    assert [request.at_s for request in found.requests] == [0, 3]


def test_more_requests_than_milliseconds_are_refused_and_many_are_said(tmp_path: Path) -> None:
    """Seconds in steps of 3, nine requests a step, as Mooncake's own trace would be in seconds."""
    path = write(tmp_path / "t", with_times(*(3 * (i // 9) for i in range(90))))
    with pytest.raises(FileError, match=r"t: read as milliseconds, .* 90 requests in 0\.027 s: say which unit"):
        settled("mooncake", path)
    found, _ = settled("mooncake", path, unit="s")
    assert found.requests[-1].at_s == 27
    busy, _ = settled("mooncake", write(path, with_times(*range(0, 200, 4))))
    assert busy.remarks == (
        "read as milliseconds, the trace's times are 50 requests in 0.196 s; if they are seconds, --trace-time-unit s "
        "says so",
    )
    at_once, _ = settled("mooncake", write(path, with_times(0, 0, 0)))
    assert at_once.remarks == ()


def test_units_of_other_traces_are_told_alike_and_useless_ones_refused(tmp_path: Path) -> None:
    table = write(tmp_path / "t", "Timestamp,Request tokens,Response tokens\n5000,1,1\n")
    assert next(open_trace("burstgpt", table, unit="ms").requests).at_s == 5
    with pytest.raises(UsageError, match="of no use to a trace of the kind azure"):
        open_trace("azure", table, unit="s")
    with pytest.raises(UsageError, match="is for mooncake and bailian"):
        open_trace("burstgpt", table, block=16)
    with pytest.raises(UsageError, match=r"unit of time 'sec'"):
        open_trace("mooncake", table, unit="sec")


def test_times_that_nobody_would_wait_for_are_refused(tmp_path: Path) -> None:
    found, _ = settled("mooncake", write(tmp_path / "t", with_times(0, 10**13)))
    with pytest.raises(UsageError, match="would take 115,741 days: a time in it is wrong"):
        trace_plan(found.requests, seed=0, salt="s")
    fast = trace_plan(found.requests, seed=0, salt="s", speed_up=1e9)
    assert fast.planned_ns is not None
    assert fast.planned_ns.tolist() == [0, 10**10]


@pytest.mark.parametrize(("name", "lines"), [("mooncake-conversation", 12031), ("mooncake-synthetic", 3993)])
def test_the_published_traces_are_read_packed_and_without_a_word(name: str, lines: int) -> None:
    found, trace = settled("mooncake", measured(f"{name}.jsonl.xz"))
    assert (len(found.requests), found.block, found.remarks, trace.bad.count) == (lines, 512, (), 0)
