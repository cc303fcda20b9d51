"""Requests that failed, by kind: robust against what differs from one message to the next."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace

import pytest

from inferbench.metrics.failure_kinds import MOST_KINDS, OTHER, Ended, by_kind, failures, listing, sentence, shape
from inferbench.metrics.request_counts import Counts
from inferbench.records.request_record import Status
from tests.metrics.test_summarise import records


def told(*requests: tuple[Ended, str | None]) -> list[tuple[Ended, str, int]]:
    return [(one.ended, one.kind, one.n) for one in by_kind(requests)]


def test_a_sentence_names_kinds_most_first_with_the_first_message_where_it_tells_more() -> None:
    requests: list[tuple[Ended, str | None]] = [("error", "HTTP 500: overloaded")] * 12
    requests += [("timeout", "no byte for 30 s")] * 5
    found = by_kind(requests)
    assert sentence(Counts(planned=300, ok=283, error=12, timeout=5), found) == (
        "17 of 300 requests failed: 12 x HTTP 500: overloaded; 5 x timeout: no byte for 30 s"
    )
    found = by_kind([("error", f"HTTP 500: request cmpl-{n}a ran out of blocks") for n in range(3)])
    assert listing(found) == (
        "3 x HTTP 500: request … ran out of blocks (first: HTTP 500: request cmpl-0a ran out of blocks)"
    )
    assert listing(()) == ""
    assert sentence(Counts(planned=4, ok=0, error=4), ()) == "4 of 4 requests failed"


@pytest.mark.parametrize(
    "message",
    [
        "HTTP 500: {} failed",  # ids, with and without dashes
        "connection to 127.0.0.1:{} reset",
        "HTTP 429: limit of {} tokens/min reached, retry in {} ms",
        "HTTP 400: prompt '{} tells of a fox' is too long",
        'no model "{}"',
        "block {}/{} is gone",
    ],
)
def test_what_differs_from_request_to_request_makes_no_new_kind(message: str) -> None:
    rng = random.Random(1)
    varied = [rng.randrange(10**6) for _ in range(50)], [uuid.UUID(int=rng.getrandbits(128)) for _ in range(50)]
    for values in varied:
        found = by_kind(("error", message.format(value, value)) for value in values)
        assert [(one.n, one.first) for one in found] == [(50, message.format(values[0], values[0]))]


def test_statuses_and_ends_are_kinds_of_their_own() -> None:
    assert told(
        ("error", "HTTP 500: full"), ("error", "HTTP 503: full"), ("timeout", "full"), ("refused", "full"),
        ("refused", None), ("error", "HTTP 503: full"),
    ) == [
        ("error", "HTTP 503: full", 2), ("error", "HTTP 500: full", 1), ("timeout", "full", 1), ("refused", "full", 1),
        ("refused", "no reason was given", 1),
    ]  # fmt: skip
    assert listing(by_kind([("refused", "Connection refused")])) == "1 x no connection: Connection refused"
    assert shape("HTTP 503: worker 3 of 4 (http://10.0.0.1:80)") == "HTTP 503: worker … of … …"


def test_messages_that_differ_in_their_words_are_told_by_their_beginnings() -> None:
    words = ["fox", "hound", "owl", "bear", "cat", "ox", "elk", "hen", "ant", "bee", "eel"]
    echoed = by_kind(("error", f"HTTP 400: cannot tokenize the prompt: {word} runs") for word in words)
    assert [(one.kind, one.n) for one in echoed] == [("HTTP 400: cannot tokenize the prompt …", len(words))]
    many = by_kind(("error", f"{word} {word}") for word in words)
    assert len(many) == MOST_KINDS
    assert (many[-1].kind, many[-1].n) == (OTHER, len(words) - MOST_KINDS + 1)
    assert listing(by_kind(("error", word) for word in words[:4])).endswith("; 1 of another kind")
    assert listing(many).endswith(f"{len(words) - 3} of {MOST_KINDS - 3} more kinds")


def test_a_message_of_several_statuses_keeps_them_and_what_stands_around() -> None:
    assert shape("gateway HTTP 502: upstream said HTTP 500: full of 12") == (
        "gateway HTTP 502: upstream said HTTP 500: full of …"
    )


def test_a_beginning_is_cut_only_where_more_follows_and_without_its_colon() -> None:
    lasts = ["fox", "hound", "owl", "bear", "cat", "ox", "elk", "hen", "ant"]
    eight = "one two three four five six seven {}"
    assert {one.kind for one in by_kind(("error", eight.format(last)) for last in lasts)} == {
        "one two three four five six …"
    }
    assert [one.kind for one in by_kind(("error", f"a b c d e f g X: {last}") for last in lasts)] == [
        "a b c d e f g X …"
    ]
    # What has eight words is not cut to eight.
    found = by_kind(
        [("error", f"a b c d e f g {n}") for n in (1, 2)] + [("error", f"H i j k l m n o {last}") for last in lasts]
    )
    assert {one.kind for one in found} == {"a b c d e f g …", "H i j k l m n o …"}


def test_full_stops_of_messages_do_not_stand_in_a_list() -> None:
    assert listing(by_kind([("error", "..no room for model X.")])) == "1 x ..no room for model X"
    found = by_kind([("error", f".. no room for model {n} on X.") for n in (1, 2)])
    assert listing(found) == "2 x .. no room for model … on X (first: .. no room for model 1 on X)"
    found = by_kind([("error", f"no room on gpu{n}.") for n in (1, 2)])
    assert listing(found) == "2 x no room on … (first: no room on gpu1)"


def test_kinds_beyond_the_most_are_counted_together() -> None:
    kinds = ["fox", "hound", "owl", "bear", "cat", "ox", "elk", "hen", "ant", "bee"]
    found = by_kind(("timeout", kind) for k, kind in enumerate(kinds) for _ in range(20 - k))
    assert [(one.kind, one.n) for one in found] == [
        *((kind, 20 - k) for k, kind in enumerate(kinds[:7])), (OTHER, 13 + 12 + 11),
    ]  # fmt: skip
    assert (found[-1].ended, found[-1].first) == ("error", "hen")
    assert [one.kind for one in by_kind(("error", kind) for kind in kinds[:8])] == kinds[:8]


def test_large_numbers_are_grouped() -> None:
    found = by_kind([("error", kind) for kind in ("a", "b", "c", "d", "e") for _ in range(1000)])
    assert sentence(Counts(planned=9000, ok=4000, error=5000), found) == (
        "5,000 of 9,000 requests failed: 1,000 x a; 1,000 x b; 1,000 x c; 2,000 of 2 more kinds"
    )


def test_as_many_kinds_as_are_kept_are_not_cut() -> None:
    names = ["fox", "hound", "owl", "bear", "cat", "ox", "elk", "hen"]
    found = by_kind(("error", f"{name} a b c d e f g h i {n}") for name in names for n in (1, 2))
    assert [one.kind for one in found] == [f"{name} a b c d e f g h i …" for name in names]


def test_every_record_has_a_place_for_its_error() -> None:
    made = replace(records((0, []), (0, []), status=[Status.ERROR, Status.OK]), errors=["HTTP 500"])
    with pytest.raises(ValueError, match="zip"):
        failures(made)
