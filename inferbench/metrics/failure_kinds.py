"""Requests that failed, by kind: what they said, without what differs from one of them to the next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from inferbench.metrics.request_counts import Counts, Ended, FailedRequests
from inferbench.records.columns import Records
from inferbench.records.request_record import Status

MOST_KINDS = 8
"""Kinds that are kept apart; what is beyond them is one kind more."""
SAID = 3
"""Kinds that a sentence names before it counts the rest."""
LEFT_OUT = "…"
OTHER = "other failures"
UNSAID = "no reason was given"

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_VARIES = re.compile(r"\S*\d\S*")
"""A word with a digit: a number, an id, an address, a port, a time."""
_STATUS = re.compile(r"HTTP \d{3}\b:?")
_WORDS = (None, 8, 6, 4, 2)
"""So many words of a message tell kinds apart; fewer, the more kinds there would be."""
_Told = tuple[Ended, str]
_ENDED: dict[int, Ended] = {Status.ERROR: "error", Status.TIMEOUT: "timeout", Status.REFUSED: "refused"}
_CALLED: dict[Ended, str] = {
    "error": "", "timeout": "timeout: ", "refused": "no connection: ", "cancelled": "given up: ",
}  # fmt: skip


def failures(records: Records) -> tuple[FailedRequests, ...]:
    """Gather the requests that failed by kind, most first; what the client gave up itself is none."""
    return by_kind(
        (_ENDED[Status(status)], error)
        for status, error in zip(records.status.tolist(), records.errors, strict=True)
        if status in _ENDED
    )


def by_kind(requests: Iterable[tuple[Ended, str | None]]) -> tuple[FailedRequests, ...]:
    """Gather requests by how they ended and what they said, most first."""
    told = Counter((ended, " ".join((error or UNSAID).split())) for ended, error in requests)
    kinds = _kinds(told)
    messages: dict[_Told, list[str]] = {}
    n: Counter[_Told] = Counter()
    for one, kind in kinds.items():
        messages.setdefault(kind, []).append(one[1])
        n[kind] += told[one]
    found = [
        FailedRequests(ended=kind[0], kind=kind[1] if len(messages[kind]) > 1 else messages[kind][0], n=count,
                       first=messages[kind][0])
        for kind, count in n.most_common()
    ]  # fmt: skip
    return tuple(_kept(found))


def _kinds(told: Collection[_Told]) -> dict[_Told, _Told]:
    """The kind of everything that was told, by fewer and fewer words while there are too many kinds."""
    shapes = {one: (one[0], shape(one[1])) for one in told}
    for words in _WORDS:
        kinds = {one: (ended, _begin(text, words)) for one, (ended, text) in shapes.items()}
        if len(set(kinds.values())) <= MOST_KINDS:
            break
    return kinds


def shape(message: str) -> str:
    """A message without what differs from request to request: quoted text, and words with a digit in them.

    A status such as HTTP 500 stays: it is the kind itself.
    """
    pieces, at = [], 0
    for status in _STATUS.finditer(message):
        pieces += [_blank(message[at : status.start()]), status.group()]
        at = status.end()
    return " ".join(" ".join([*pieces, _blank(message[at:])]).split())


def _blank(text: str) -> str:
    return _VARIES.sub(LEFT_OUT, _QUOTED.sub(LEFT_OUT, text))


def _begin(text: str, words: int | None) -> str:
    """The first words of a text, with a sign where more follow."""
    parts = text.split()
    return text if words is None or len(parts) <= words else f"{' '.join(parts[:words]).rstrip(':')} {LEFT_OUT}"


def _kept(found: Sequence[FailedRequests]) -> Sequence[FailedRequests]:
    if len(found) <= MOST_KINDS:
        return found
    rest = found[MOST_KINDS - 1 :]
    other = FailedRequests(ended="error", kind=OTHER, n=sum(one.n for one in rest), first=rest[0].first)
    return [*found[: MOST_KINDS - 1], other]


def called(one: FailedRequests) -> str:
    """A kind in words: how the requests ended, where that is no answer of the server, and what they said."""
    return f"{_CALLED[one.ended]}{one.kind}"


def sentence(counts: Counts, found: Sequence[FailedRequests]) -> str:
    """Say how many of the requests that came to an end failed, and how.

    As in: 17 of 300 requests failed: 12 x HTTP 500: overloaded; 5 x timeout: no byte for 30 s.
    """
    listed = listing(found)
    return f"{counts.failed:,} of {counts.ok + counts.failed:,} requests failed{f': {listed}' if listed else ''}"


def listing(found: Sequence[FailedRequests]) -> str:
    """Name the first kinds, each with the first message where that tells more; empty where nothing failed."""
    more = sum(one.n for one in found[SAID:])
    kinds = len(found) - SAID
    rest = f"{more:,} of {'another kind' if kinds == 1 else f'{kinds} more kinds'}" if more else ""
    return "; ".join(filter(None, [*(f"{one.n:,} x {_with_first(one)}" for one in found[:SAID]), rest]))


def _with_first(one: FailedRequests) -> str:
    """Without the full stop that a message may end with: it stands in a list."""
    name = called(one).rstrip(".")
    return name if one.kind == one.first else f"{name} (first: {one.first.rstrip('.')})"
