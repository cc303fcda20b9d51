"""Who counted the tokens of a point, what of them was seen, and what does not add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferbench.loadgen.health.invalid_client import ClientFacts, judge_client
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Origin
from inferbench.metrics.token_counts import token_notes
from inferbench.records.request_record import CountSource, Status
from inferbench.workload.plan import Arrival
from tests.metrics.test_summarise import MS, POINT, plan, records


def ten_chunks_50_ms_apart(osl: int, **more):
    made = records((0, [(400 + 50 * k, 1) for k in range(10)]))
    return replace(made, osl=np.array([osl]), **more)


def notes(made, asked: int = 100, ignore_eos: bool = True) -> tuple:
    planned = replace(plan(len(made)), osl=np.full(len(made), asked), ignore_eos=ignore_eos)
    summary = summarise(made, planned, POINT, Origin.MEASURED)
    assert summary.tokens is not None
    return summary, " | ".join(token_notes(summary.tokens, summary.counts.ok))


def test_reasoning_that_is_not_shown_counts_for_throughput_and_not_for_interactivity():
    summary, said = notes(ten_chunks_50_ms_apart(30), asked=30)
    run = summary.whole_run
    assert run.tpot_ms.p50 == 50  # and not 450 / 29 = 15.5 or 450 / (30 - 3) = 16.7
    assert run.interactivity_p50 == 20
    assert run.throughput.output_tput == pytest.approx(30 / 0.85)
    assert summary.tokens.unstreamed_mean == 20
    assert "20.0 tokens a request were counted by the server and never streamed" in said


def test_a_window_that_begins_later_does_not_hold_what_was_hidden_before():
    made = records((0, [(100, 1), (200, 1), (300, 1)]), (0, [(250, 1), (350, 1), (450, 1)]))
    hidden = replace(made, osl=made.osl + 7)
    seen = summarise(made, plan(2), POINT, Origin.MEASURED).whole_run.throughput
    with_hidden = summarise(hidden, plan(2), POINT, Origin.MEASURED).whole_run.throughput
    assert with_hidden.output_tput == pytest.approx(seen.output_tput * 20 / 6)


def test_chunks_that_were_counted_are_called_so():
    by_chunks = ten_chunks_50_ms_apart(10, osl_source=np.array([CountSource.CHUNKS]))
    summary, said = notes(by_chunks, asked=10)
    assert summary.tokens.by_chunks == 1
    assert said == (
        "tokens counted as chunks: the server sends no count of them that can be used, and a chunk may hold several "
        "tokens, so that output throughput is a lower bound and TPOT an upper one; --tokenizer counts the text"
    )
    _, by_text = notes(ten_chunks_50_ms_apart(10, osl_source=np.array([CountSource.TEXT])), asked=10)
    assert by_text == "tokens counted with the tokenizer given: the server sends no count of them that can be used"
    by_server, said = notes(ten_chunks_50_ms_apart(10), asked=10)
    assert (by_server.tokens.by_server, by_server.tokens.by_text, by_server.tokens.by_chunks, said) == (1, 0, 0, "")


def test_shares_are_of_the_requests_that_succeeded():
    rows = [(0, [(100, 1)])] * 5
    made = records(*rows, status=[Status.OK] * 4 + [Status.ERROR], isl=8)
    source = [CountSource.SERVER, CountSource.SERVER, CountSource.TEXT, CountSource.CHUNKS, CountSource.CHUNKS]
    summary, said = notes(replace(made, osl_source=np.array(source)), asked=1)
    assert (summary.tokens.by_server, summary.tokens.by_text, summary.tokens.by_chunks) == (0.5, 0.25, 0.25)
    assert "tokens counted as chunks (25.0% of requests): " in said
    assert "tokens counted with the tokenizer given (25.0% of requests): " in said


@pytest.mark.parametrize(("hidden", "told"), [(0, False), (1, False), (2, True)])
def test_the_token_that_ends_an_answer_may_never_be_streamed(hidden: int, told: bool):
    _, said = notes(ten_chunks_50_ms_apart(10 + hidden), asked=10 + hidden)
    assert said == (
        "2.0 tokens a request were counted by the server and never streamed, such as reasoning that is not shown: "
        "throughput counts them; TPOT and interactivity are of what a user saw stream"
        if told
        else ""
    )


def test_what_was_asked_for_is_that_of_each_request():
    made = records(*[(0, [(100 + k, 1) for k in range(size)]) for size in (3, 5)])
    planned = replace(plan(3), osl=np.array([9, 4, 5]), isl=np.array([70, 80, 90]))
    tokens = summarise(replace(made, seq=np.array([1, 2])), planned, POINT, Origin.MEASURED).tokens
    assert (tokens.asked_mean, tokens.prompt_asked_mean) == (4.5, 85)
    assert (tokens.short, tokens.short_mean, tokens.short_asked_mean) == (1, 3, 4)
    assert (tokens.disbelieved, tokens.first_remark, tokens.unstreamed_mean) == (0, None, 0)


def test_answers_that_are_too_short_are_told_with_mean_and_asked():
    made = records(*[(0, [(100 + k, 1) for k in range(size)]) for size in (3, 3, 16, 4)])
    summary, said = notes(made, asked=16)
    assert (summary.tokens.short, summary.counts.ok) == (3, 4)
    assert said == (
        "3 of 4 answers are shorter than asked for, though their end was to be ignored: 3.3 tokens in the mean, 16.0 "
        "asked for"
    )
    assert notes(made, asked=16, ignore_eos=False)[1] == ""


def test_contradictions_are_told_with_the_first():
    _, said = notes(ten_chunks_50_ms_apart(10, remarks=["usage says 1 generated tokens beside 16 chunks of text"]), 10)
    assert said == (
        "the server's usage contradicts its own answer in 1 requests, the first: usage says 1 generated tokens beside "
        "16 chunks of text"
    )


def test_a_wait_that_the_server_asked_for_is_not_the_clients():
    made = records(*[(1000, [(1100, 1), (1200, 1)])] * 4)
    turned_away = replace(made, slot_free_ns=np.zeros(4, dtype=np.int64), attempts=np.array([2, 3, 1, 1]))
    late = judge_client(turned_away, Arrival.CLOSED, ClientFacts(), streams_asked=0)
    assert not late.valid  # the two that were sent once are late by a second
    at_once = replace(turned_away, slot_free_ns=np.array([0, 0, 1000, 1000]) * MS)
    assert judge_client(at_once, Arrival.CLOSED, ClientFacts(), streams_asked=0).valid
    counts = summarise(at_once, plan(4), POINT, Origin.MEASURED).counts
    assert (counts.retried, counts.retries, counts.ok) == (2, 3, 4)


def test_nothing_is_said_where_nothing_succeeded_or_was_measured():
    failed = records((0, [(100, 1)]), status=[Status.ERROR])
    assert summarise(failed, plan(1), POINT, Origin.MEASURED).tokens is None
    assert summarise(records((0, [(100, 1)])), plan(1), POINT, Origin.SIMULATED).tokens is None
