"""Tokens are counted by whoever knows, and put to the chunks that they came in."""

from __future__ import annotations

import pytest

from inferbench.loadgen.dialects.dialect import Dialect
from inferbench.loadgen.dialects.openai import Chat, Completions
from inferbench.loadgen.dialects.sglang import Generate
from inferbench.loadgen.dialects.token_counting import Counted, count_tokens
from inferbench.loadgen.http.stream import StreamReading
from inferbench.records.request_record import ChunkTokens, CountSource
from tests.support.raw_server import DONE, event, text, usage

SILENT = event(choices=[{"index": 0, "text": "", "finish_reason": None}])
ROLE = event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}}])


def finish(reason: str, **fields) -> bytes:
    return event(choices=[{"index": 0, "text": "", "finish_reason": reason}], **fields)


def running(words: str, count: int, **fields) -> bytes:
    return event(
        choices=[{"index": 0, "text": words, **fields}], usage={"prompt_tokens": 5, "completion_tokens": count}
    )


def hidden(total: int, reasoning: int) -> bytes:
    details = {"reasoning_tokens": reasoning}
    return event(choices=[], usage={"completion_tokens": total, "completion_tokens_details": details})


def counted(*pieces: bytes, dialect: Dialect | None = None, limit: int | None = None, count_text=None) -> Counted:
    """Count a stream whose pieces come 10 apart."""
    stream = StreamReading(dialect or Completions(), keep_text=count_text is not None)
    stream.take(list(range(0, 10 * len(pieces), 10)), list(pieces))
    stream.finish()
    return count_tokens(stream, lambda: limit, count_text)


def held(found: Counted) -> tuple[list[int], list[int], ChunkTokens]:
    assert found.chunks is not None
    return list(found.chunks.times_ns), list(found.chunks.tokens), found.known_by


def test_chunks_without_text_are_tokens_where_usage_says_so():
    found = counted(*[SILENT] * 16, finish("length"), usage(5, 16), DONE)
    assert (found.osl, found.source, found.remark) == (16, CountSource.SERVER, None)
    assert held(found) == ([*range(0, 160, 10)], [1] * 16, ChunkTokens.ONE)


def test_an_event_without_new_text_is_no_token_where_its_count_is_not_believed():
    said = "ab"
    pieces = [event(text=said * n, meta_info={"completion_tokens": n}) for n in (1, 2)]
    end = event(text=said * 2, meta_info={"completion_tokens": 800_000, "finish_reason": {"type": "length"}})
    found = counted(*pieces, end, dialect=Generate(), limit=8)
    assert held(found) == ([0, 10], [1, 1], ChunkTokens.ONE)
    assert (found.osl, found.source) == (2, CountSource.CHUNKS)
    assert found.remark == "usage says 800,000 generated tokens, and at most 8 were asked for"
    only_counts = counted(running("", 1), running("", 99), finish("length"), DONE, limit=8)
    assert (only_counts.osl, only_counts.chunks) == (0, None)


def test_chunks_without_text_are_no_tokens_where_usage_says_so_or_nobody_does():
    pieces = SILENT, text("a"), SILENT, text("b"), finish("length")
    assert held(counted(*pieces, usage(5, 2), DONE)) == ([10, 30], [1, 1], ChunkTokens.ONE)
    assert held(counted(*pieces, usage(5, 4), DONE)) == ([0, 10, 20, 30], [1] * 4, ChunkTokens.ONE)
    without = counted(*pieces, DONE)
    assert (without.osl, without.source) == (2, CountSource.CHUNKS)
    assert counted(SILENT, SILENT, finish("length"), DONE).chunks is None


def test_the_first_token_is_in_the_first_chunk_whose_count_is_above_0():
    pieces = [running("", 0), running("", 1), running("", 2), running("a", 4), running("b", 5, finish_reason="length")]
    assert held(counted(*pieces, usage(5, 5), DONE)) == ([10, 20, 30, 40], [1, 1, 2, 1], ChunkTokens.USAGE)
    late = [running("a", 0), running("b", 1), running("c", 2)]  # text before it is counted
    found = counted(*late, usage(5, 2), DONE)
    assert (held(found), found.remark) == (([10, 20], [1, 1], ChunkTokens.USAGE), None)


def test_a_count_that_does_not_go_on_is_no_token():
    pieces = [running("a", 1), running("", 1), running("b", 2), running("", 2, finish_reason="length")]
    found = counted(*pieces, usage(5, 2), DONE)
    assert (held(found), found.remark) == (([0, 20], [1, 1], ChunkTokens.USAGE), None)


@pytest.mark.parametrize("end", [DONE, hidden(30, 20) + DONE])
def test_reasoning_that_no_chunk_held_is_not_spread_over_the_others(end):
    words = [text("word") for _ in range(10)]
    found = counted(*words, finish("stop"), hidden(30, 20), end)
    assert (found.osl, found.remark) == (30, None)
    assert held(found) == ([*range(0, 100, 10)], [1] * 10, ChunkTokens.ONE)
    speculated = counted(text("abc"), text("abcabc"), finish("length"), hidden(30, 21), DONE)
    assert held(speculated) == ([0, 10], [3, 6], ChunkTokens.SPREAD)


def test_reasoning_whose_chunks_came_without_text_is_where_they_came():
    found = counted(*[SILENT] * 20, *[text("word")] * 10, finish("length"), hidden(30, 20), DONE)
    assert held(found) == ([*range(0, 300, 10)], [1] * 30, ChunkTokens.ONE)


def test_reasoning_that_was_streamed_is_not_hidden():
    thoughts = [event(choices=[{"delta": {"reasoning": "hm"}}]) for _ in range(20)]
    answer = [event(choices=[{"delta": {"content": "a"}}]) for _ in range(10)]
    found = counted(ROLE, *thoughts, *answer, hidden(30, 20), DONE, dialect=Chat())
    assert held(found) == ([*range(10, 310, 10)], [1] * 30, ChunkTokens.ONE)


def test_the_token_that_ends_an_answer_is_where_its_end_came():
    """vLLM, SGLang and llama.cpp count it, and send it with the reason to finish and without text."""
    words = [text("word") for _ in range(9)]
    assert held(counted(*words, finish("stop"), usage(5, 10), DONE)) == (
        [*range(0, 100, 10)],
        [1] * 10,
        ChunkTokens.ONE,
    )
    with_counts = [running("a", 1), running("b", 2), running("", 3, finish_reason="stop")]
    assert held(counted(*with_counts, usage(5, 3), DONE)) == ([0, 10, 20], [1, 1, 1], ChunkTokens.USAGE)
    several = [text("aaa"), text("bbb"), finish("stop"), usage(5, 7), DONE]
    assert held(counted(*several)) == ([0, 10, 20], [3, 3, 1], ChunkTokens.SPREAD)


def test_the_token_that_ends_an_answer_may_have_no_chunk_at_all():
    last = event(choices=[{"text": "b", "finish_reason": "stop"}])
    found = counted(text("a"), last, usage(5, 3), DONE)
    assert (found.osl, held(found)) == (3, ([0, 10], [1, 1], ChunkTokens.ONE))


def test_an_answer_that_ends_with_its_first_token_is_one():
    for pieces in ([finish("stop"), usage(5, 1)], [finish("stop", usage={"completion_tokens": 1})]):
        found = counted(*pieces, DONE)
        assert (found.osl, held(found)[0]) == (1, [0])
    chat_end = event(choices=[{"delta": {"content": ""}, "finish_reason": "stop"}])
    assert held(counted(ROLE, chat_end, usage(5, 1), DONE, dialect=Chat()))[:2] == ([10], [1])


def test_the_role_is_no_token_but_a_later_one_may_be():
    again = event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}}])
    word = event(choices=[{"index": 0, "delta": {"role": "assistant", "content": "a"}}])
    found = counted(ROLE, word, again, word, usage(5, 3), DONE, dialect=Chat())
    assert held(found) == ([10, 20, 30], [1, 1, 1], ChunkTokens.ONE)


def test_usage_below_the_chunks_of_text_is_said():
    found = counted(*[text("a")] * 16, finish("length"), usage(5, 1), DONE)
    assert (found.osl, found.remark) == (1, "usage says 1 generated tokens beside 16 chunks of text")
    assert held(found)[1] == [1, *[0] * 15]
    none = counted(text("a"), text("b"), finish("length"), usage(5, 0), DONE)
    assert (none.osl, none.source) == (2, CountSource.CHUNKS)
    assert none.remark == "usage says 0 generated tokens beside 2 chunks of text"


@pytest.mark.parametrize("told", [9, 800_000, 2**63, 2**64 - 1])
def test_more_than_was_asked_for_is_not_believed(told):
    found = counted(text("a"), text("b"), finish("length"), usage(5, told), DONE, limit=8)
    assert (found.osl, found.source, held(found)[1]) == (2, CountSource.CHUNKS, [1, 1])
    assert found.remark == f"usage says {told:,} generated tokens, and at most 8 were asked for"


def test_running_counts_beyond_what_was_asked_for_are_not_believed_either():
    found = counted(running("a", 2**62), running("b", 2**63), DONE, limit=8)
    assert (found.osl, held(found)[1]) == (2, [1, 1])


def test_without_a_limit_no_answer_is_believed_to_be_endless():
    assert counted(text("a"), usage(5, 2**62), DONE).osl == 1
    assert counted(text("a"), usage(5, 10_000_000), DONE).osl == 10_000_000
    told = counted(text("a"), usage(5, 10_000_001), DONE).remark
    assert told == "usage says 10,000,001 generated tokens, and no answer has as many"
    assert counted(text("a"), usage(5, 2**40), DONE, limit=2**41).osl == 1


def test_a_chunk_that_names_a_reason_is_no_end_where_text_comes_after_it():
    pieces = [text("a"), finish("stop"), text("b"), usage(5, 3), DONE]
    assert held(counted(*pieces))[:2] == ([0, 10, 20], [1, 1, 1])
    assert held(counted(text("a"), finish("stop"), text("b"), usage(5, 2), DONE))[:2] == ([0, 20], [1, 1])
    assert held(counted(running("a", 1), finish("stop"), running("b", 2), usage(5, 3)))[0] == [0, 20]


def test_text_is_counted_where_the_server_does_not_count():
    def words(said: str) -> int:
        return len(said.split())

    pieces = [
        text("one two"),
        text(" three"),
        text(" f\u00fcnf \n"),
        text(" six"),
        text(" seven"),
        text(" eight"),
        DONE,
    ]
    found = counted(*pieces, count_text=words)
    assert (found.osl, found.source) == (7, CountSource.TEXT)
    assert sum(held(found)[1]) == 7
    assert counted(*pieces[:-1], usage(5, 9), DONE, count_text=words).source is CountSource.SERVER


def test_hidden_reasoning_leaves_one_token_for_each_other_chunk_with_text_or_without():
    found = counted(text("a"), SILENT, text("b"), finish("length"), hidden(8, 5), DONE)
    assert (found.osl, held(found)) == (8, ([0, 10, 20], [1, 1, 1], ChunkTokens.ONE))


def test_tokens_without_any_text_are_shared_out_over_what_came():
    found = counted(SILENT, SILENT, SILENT, finish("length"), usage(5, 7), DONE)
    times, tokens, known_by = held(found)
    assert (found.osl, times, sum(tokens), known_by) == (7, [0, 10, 20], 7, ChunkTokens.SPREAD)
    assert max(tokens) - min(tokens) <= 1
    found = counted(finish("length"), usage(5, 7), DONE)
    assert (found.osl, held(found)) == (7, ([0], [7], ChunkTokens.SPREAD))
    nowhere = counted(usage(5, 7), DONE)
    assert (nowhere.osl, nowhere.chunks, nowhere.source) == (7, None, CountSource.SERVER)


def test_the_server_is_who_counted_where_its_usage_is_believed():
    found = counted(text("a"), text("b"), finish("length"), usage(5, 2), DONE)
    assert (found.osl, found.source, found.known_by, found.remark) == (2, CountSource.SERVER, ChunkTokens.ONE, None)


def test_running_counts_that_go_beyond_the_usage_are_not_followed():
    found = counted(running("a", 1), running("b", 2), running("c", 3), usage(5, 2), DONE)
    assert (found.osl, sum(held(found)[1])) == (2, 2)
    assert found.known_by is not ChunkTokens.USAGE
    assert found.remark == "usage says 2 generated tokens beside 3 chunks of text"


def test_what_running_counts_leave_came_with_the_end():
    found = counted(running("a", 1), running("b", 3), finish("stop"), usage(5, 7), DONE)
    assert (found.osl, held(found)) == (7, ([0, 10, 20], [1, 2, 4], ChunkTokens.USAGE))


def test_an_answer_that_ended_at_its_limit_may_have_a_token_in_its_end_too():
    found = counted(*[text("word") for _ in range(9)], finish("length"), usage(5, 10), DONE)
    assert held(found) == ([*range(0, 100, 10)], [1] * 10, ChunkTokens.ONE)


def test_of_reasoning_that_was_streamed_no_token_is_hidden():
    thoughts = [event(choices=[{"delta": {"reasoning": "hm"}}]) for _ in range(20)]
    answer = [event(choices=[{"delta": {"content": "a"}}]) for _ in range(10)]
    found = counted(ROLE, *thoughts, *answer, hidden(33, 20), DONE, dialect=Chat())
    assert (found.osl, sum(held(found)[1])) == (33, 33)


def test_no_more_reasoning_is_hidden_than_leaves_a_token_for_each_chunk():
    found = counted(*[text("word") for _ in range(10)], finish("stop"), hidden(12, 20), DONE)
    assert (found.osl, held(found)) == (12, ([*range(0, 100, 10)], [1] * 10, ChunkTokens.ONE))
