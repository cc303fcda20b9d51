"""The two ways of keeping chunk times say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferbench.arrays import NEVER
from inferbench.records.columns import PassColumn, StampedColumn


@st.composite
def pass_columns(draw: st.DrawFn) -> PassColumn:
    """A few requests on a few workers, some of one token, some that never began."""
    workers = draw(st.integers(1, 3))
    steps = [draw(st.lists(st.integers(1, 50), min_size=12, max_size=20)) for _ in range(workers)]
    times = [1000 + np.cumsum(s).astype(np.int64) for s in steps]
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        worker = draw(st.integers(0, workers - 1))
        begun, osl = draw(st.booleans()), draw(st.integers(1, 30))
        first = draw(st.integers(0, 8))
        passes = 0 if osl == 1 else draw(st.integers(1, min(osl - 1, len(times[worker]) - first)))
        first_ns = int(times[worker][first]) - draw(st.integers(1, 40)) if begun else NEVER
        rows.append((first_ns, worker, first, first + passes - 1, osl))
    first_ns, worker_of, first_pass, last_pass, osl_of = (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True))
    return PassColumn(first_ns, worker_of, first_pass, last_pass, osl_of, times)


def stamped(column: PassColumn) -> StampedColumn:
    """The same chunks, written out one by one from their definition."""
    sizes, times, tokens = [], [], []
    for row in range(len(column.first_ns)):
        own: list[tuple[int, int]] = []
        if column.first_ns[row] != NEVER:
            own.append((int(column.first_ns[row]), 1))
            passes = int(column.last_pass[row] - column.first_pass[row]) + 1
            held = 0
            for k in range(passes):
                total = (int(column.osl[row]) - 1) * (k + 1) // passes
                at = column.pass_times_ns[column.worker[row]][column.first_pass[row] + k]
                own.append((int(at), total - held))
                held = total
        sizes.append(len(own))
        times += [t for t, _ in own]
        tokens += [k for _, k in own]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return StampedColumn(offsets, np.array(times, dtype=np.int64), np.array(tokens, dtype=np.int64))


@settings(max_examples=150, deadline=None)
@given(pass_columns(), st.integers(900, 1600))
def test_by_reference_and_by_stamp_agree(column: PassColumn, time_ns: int) -> None:
    plain = stamped(column)
    np.testing.assert_array_equal(column.first_ns, plain.first_ns)
    np.testing.assert_array_equal(column.last_ns, plain.last_ns)
    np.testing.assert_array_equal(column.first_tokens, plain.first_tokens)
    np.testing.assert_array_equal(column.tokens_before(time_ns), plain.tokens_before(time_ns))
    everything = np.ones(len(column.first_ns), dtype=bool)
    assert pooled(*column.token_gaps(everything)) == pytest.approx(pooled(*plain.token_gaps(everything)))
    for row in range(len(everything)):
        for mine, theirs in zip(column.expand(row), plain.expand(row), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def pooled(gaps: np.ndarray, counts: np.ndarray) -> list[float]:
    return sorted(np.repeat(gaps, counts).tolist())


def test_a_chunk_of_k_tokens_gives_k_gaps_of_a_kth() -> None:
    column = StampedColumn(np.array([0, 3]), np.array([100, 160, 170]), np.array([2, 3, 1]))
    gaps, counts = column.token_gaps(np.array([True]))
    assert list(zip(gaps, counts, strict=True)) == [(20.0, 3), (10.0, 1)]


def test_gaps_do_not_run_from_one_request_into_the_next() -> None:
    column = StampedColumn(np.array([0, 1, 1, 3]), np.array([5, 7, 9]), np.array([1, 1, 1]))
    gaps, counts = column.token_gaps(np.array([True, True, True]))
    assert (gaps.tolist(), counts.tolist()) == ([2.0], [1])
    assert column.first_ns.tolist() == [5, NEVER, 7]
    assert column.tokens_before(7).tolist() == [1, 0, 1]
