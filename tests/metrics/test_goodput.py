"""Goodput, and what the server tells of its own work, against hand-worked figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferbench.arrays import NEVER
from inferbench.errors import UsageError
from inferbench.metrics.goodput import GoodputSlo, goodput_slo, parse_clause
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import BasisSummary, Origin
from inferbench.records.columns import Records
from inferbench.records.request_record import ChunkTokens, Status
from tests.metrics.test_summarise import MS, POINT, fixed_pace, plan, records


def whole_run(made: Records, slo: GoodputSlo | None = None, n: int | None = None) -> BasisSummary:
    run = summarise(made, plan(n or len(made)), POINT, Origin.MEASURED, slo=slo).whole_run
    assert run is not None
    return run


def test_goodput_by_hand() -> None:
    made = records(
        (0, [(100, 1), (200, 1)]),  # TTFT 100, TPOT 100, E2EL 200
        (0, [(300, 1), (320, 1)]),  # TTFT 300
        (0, [(50, 1), (500, 1)]),  # TPOT 450
        (0, [(100, 4)]),  # one chunk: no TPOT, so none that is too long
        (0, [(10, 1), (20, 1)]),  # would keep all, but failed
        (0, []),  # refused
        status=[Status.OK] * 4 + [Status.ERROR, Status.REFUSED],
    )
    figures = whole_run(made, GoodputSlo(ttft=200, tpot=100)).throughput
    assert figures.seconds == 0.5
    assert figures.goodput == 2 / 0.5
    assert figures.goodput_fraction == 2 / 6
    assert whole_run(made, GoodputSlo(e2el=320)).throughput.goodput_fraction == 3 / 6
    assert whole_run(made, GoodputSlo()).throughput.goodput_fraction == 4 / 6
    assert whole_run(made).throughput.goodput is None


def test_a_window_counts_what_ended_in_it() -> None:
    made = fixed_pace(120, 6, 200, 10, 51)
    half_failed = np.where(np.arange(120) % 2, Status.OK, Status.ERROR)
    summary = summarise(
        replace(made, status=half_failed), plan(120, 6), POINT, Origin.MEASURED, slo=GoodputSlo(ttft=200)
    )
    assert summary.window is not None, summary.window_reason
    figures = summary.window.throughput
    assert figures.goodput == figures.request_tput
    # Waves of six, three of them failed: the edges of the window cut two waves at most.
    assert figures.goodput_fraction == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("text", "clause"), [("ttft:2000", ("ttft", 2000.0)), ("tpot:12.5", ("tpot", 12.5)), ("e2el:0.5", ("e2el", 0.5))]
)
def test_clauses_are_vllms(text: str, clause: tuple[str, float]) -> None:
    assert parse_clause(text) == clause


@pytest.mark.parametrize("text", ["ttft:", "ttft:fast", "ttft:5:6"])
def test_what_is_no_clause(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert string to float"):
        parse_clause(text)


@pytest.mark.parametrize("text", ["ttft", "ttft:nan", ""])
def test_what_names_no_limit_is_told_as_it_stands(text: str) -> None:
    with pytest.raises(ValueError) as told:
        parse_clause(text)
    assert told.value.args == (text,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ttfx:5", "^unknown goodput metric .*did you mean 'ttft'"),
        ("itl:5", "allowed: e2el, tpot, ttft"),
        ("ttft:0", "^the goodput limit ttft:0 must be above 0 ms$"),
    ],
)
def test_clauses_that_mean_nothing(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_clause(text)


def test_clauses_make_an_slo() -> None:
    assert goodput_slo([("ttft", 1.0), ("e2el", 2.0)]) == GoodputSlo(ttft=1.0, e2el=2.0)
    assert goodput_slo([]) is None
    with pytest.raises(UsageError, match=r"^the goodput limit on ttft is given twice$"):
        goodput_slo([("ttft", 1.0), ("ttft", 2.0)])


def test_what_the_server_tells() -> None:
    """Rows 0 and 1 are told of, row 2 is not, row 3 failed."""
    made = records(*[(0, [(100, 1), (200, 9)])] * 4, status=[Status.OK] * 3 + [Status.ERROR], isl=100)
    told = replace(
        made,
        cached_tokens=np.array([80, 20, NEVER, 100]),
        accepted_tokens=np.array([6, 4, NEVER, 9]),
        answer_ns=np.array([150 * MS, NEVER, NEVER, NEVER]),
        chunk_tokens_source=np.array([ChunkTokens.USAGE, ChunkTokens.USAGE, ChunkTokens.SPREAD, ChunkTokens.ONE]),
    )
    run = whole_run(told)
    assert run.cache_hit_rate == 100 / 200
    assert run.accepted_length == 20 / (20 - 10)
    assert run.ttfat_ms is not None
    assert (run.ttfat_ms.n, run.ttfat_ms.p50) == (1, 150)
    assert run.chunk_tokens == {"usage": 2 / 3, "spread": 1 / 3}


def test_what_the_server_does_not_tell_is_unknown_and_not_zero() -> None:
    run = whole_run(fixed_pace(8, 2, 100, 10, 5))
    assert (run.cache_hit_rate, run.accepted_length, run.ttfat_ms, run.chunk_tokens) == (None, None, None, None)


def test_a_server_that_accepts_more_than_it_made_is_not_believed() -> None:
    made = records((0, [(100, 1), (200, 4)]))
    assert whole_run(replace(made, accepted_tokens=np.array([5]))).accepted_length is None


def test_a_server_that_accepts_all_but_one_token_made_them_in_one_step() -> None:
    made = records((0, [(100, 1), (200, 4)]))
    assert whole_run(replace(made, accepted_tokens=np.array([4]))).accepted_length == 5
