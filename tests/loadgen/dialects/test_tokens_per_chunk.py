"""Spreading a total over chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferbench.loadgen.dialects.token_counting import spread_tokens


@given(st.integers(0, 500), st.lists(st.integers(0, 100), min_size=1, max_size=50))
def test_tokens_add_up_and_every_chunk_has_one_where_there_are_enough(total, lengths):
    tokens = spread_tokens(total, lengths)
    assert len(tokens) == len(lengths)
    assert sum(tokens) == total
    assert min(tokens) >= (1 if total >= len(lengths) else 0)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 7))
def test_chunks_whose_text_is_proportional_to_their_tokens_are_found_exactly(tokens, per_token):
    if sum(tokens) == len(tokens) + 1:
        tokens = [1] * (len(tokens) - 1) + [2]  # one too many is taken for the end of the text, see below
    assert spread_tokens(sum(tokens), [k * per_token for k in tokens]) == tokens


@pytest.mark.parametrize(
    ("total", "lengths", "tokens"),
    [
        (3, [9, 1, 1], [1, 1, 1]),
        (4, [9, 1, 1], [1, 1, 2]),  # the last token had no text of its own
        (9, [0, 0, 0], [3, 3, 3]),
        (2, [1, 5, 4], [1, 1, 0]),
        (6, [1, 1, 1, 1, 100], [1, 1, 1, 1, 2]),
        (10, [1, 1, 1, 1, 100], [1, 1, 1, 1, 6]),
        (0, [1, 1], [0, 0]),
        (5, [], []),
    ],
)
def test_cases(total, lengths, tokens):
    assert spread_tokens(total, lengths) == tokens
