"""What the events of a stream have in common, so that most of them need not be read as JSON.

Most events of a stream have the same bytes but for their text. So the first event that bears a token is taken as a
`Template` of those that follow, and events that fit it are counted by what the C library can do on all of them at
once.
"""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from itertools import accumulate, islice
from typing import NamedTuple

from inferbench.loadgen.dialects.dialect import Dialect, EventReading

TEXT_FIELD = re.compile(rb'"(?:text|content|reasoning_content|reasoning)"\s*:\s*"([^"\\\n]*)"')
ID_FIELD = re.compile(rb'"id"\s*:\s*"[^"\\\n]*"')
PLAIN = bytes(byte for byte in range(0x20, 0x100) if byte not in b'"\\')
"""Bytes that mean themselves within a JSON string, as far as they are UTF-8."""

TRIED = 8
"""Texts of an event of which one may be that which differs: each costs a reading of the whole event."""
LONGEST = 64 * 1024
"""Longest event that is made a template of, bytes: those of many streams are remembered."""
PROBE = b"x" * 37
"""A text that no event has by chance."""


class Template(NamedTuple):
    """The bytes around the text of a stream's events."""

    prefix: bytes
    """From `data:` to the quote before the text."""
    suffix: bytes
    """From the quote after the text to the blank line."""
    reading: EventReading
    """What an event says beside the length of its text."""

    def fits(self, body: bytes, position: int) -> tuple[list[int], list[int]]:
        """Read events from `position` on, as long as they fit: the characters of their texts, and where each ends.

        An event that fits is, as JSON, the template with another string in one place, and there that string counts
        by its length alone; `learn` has made sure of it. So what is read here is what JSON would have given.
        """
        prefix, suffix = self.prefix, self.suffix
        if not body.startswith(prefix, position):  # as what opens a stream, and what closes it
            return [], []
        events = body[position:].split(b"\n")[:-1:2]
        while events and not events[-1].startswith(prefix):
            events.pop()  # what closes a stream
        start, end = len(prefix), 2 - len(suffix)
        texts = [event[start:end] for event in events]
        if not self._is_at(body, position, texts):
            differs = (event != prefix + text + suffix[:-2] for event, text in zip(events, texts, strict=True))
            texts = texts[: next((i for i, other in enumerate(differs) if other), 0)]
            if not self._is_at(body, position, texts):
                return [], []
        lengths = plain_lengths(texts)
        around = start + len(suffix)
        ends = accumulate([len(text) + around for text in texts[: len(lengths)]], initial=position)
        return lengths, list(ends)[1:]

    def texts(self, body: bytes, position: int, ends: list[int]) -> list[str]:
        """The texts of events that fit from `position` on, and end where `fits` says."""
        start, tail = len(self.prefix), len(self.suffix)
        return [body[a + start : b - tail].decode() for a, b in zip([position, *ends], ends)]  # noqa: B905

    def _is_at(self, body: bytes, position: int, texts: list[bytes]) -> bool:
        """Whether events of these texts are what stands at a position."""
        between = self.suffix + self.prefix
        return bool(texts) and body.startswith(self.prefix + between.join(texts) + self.suffix, position)


def learn(dialect: Dialect, event: bytes) -> Template | None:
    """Find the text in an event, from `data:` to the blank line, by trying what another text there changes."""
    if len(event) > LONGEST or not event.startswith(b"data:") or event.count(b"\n") != 2:
        return None
    for field in islice(TEXT_FIELD.finditer(event), TRIED):
        prefix, suffix = event[: field.start(1)], event[field.end(1) :]
        # Streams differ in their ids, which no dialect reads: what one stream has found out is true of the next.
        if reading := _reading_around(dialect, without_id(prefix), suffix):
            return Template(prefix, suffix, reading)
    return None


def without_id(data: bytes) -> bytes:
    """An event with its id blanked."""
    return ID_FIELD.sub(b'"id":""', data)


@lru_cache(maxsize=64)
def _reading_around(dialect: Dialect, prefix: bytes, suffix: bytes) -> EventReading | None:
    """What an event says beside its text, where that text is what stands between; None where it is not."""
    empty, probe = (
        dialect.interpret("", (prefix + text + suffix[:-2])[5:].removeprefix(b" ")) for text in (b"", PROBE)
    )
    expected = probe._replace(
        token_bearing=True, text=PROBE.decode(), usage=None, error=None, cumulative=False, finish=None, closes=False
    )
    return probe if probe == expected and not (empty.token_bearing or empty.error) else None


def plain_lengths(texts: list[bytes]) -> list[int]:
    """Characters of texts, up to one that is empty, and so no token, or that does not mean itself in JSON."""
    whole = b"".join(texts)
    if whole.translate(None, PLAIN) or not all(texts):
        texts = texts[: next(i for i, text in enumerate(texts) if not text or text.translate(None, PLAIN))]
    return list(map(len, texts)) if whole.isascii() else _characters(texts)


def _characters(texts: list[bytes]) -> list[int]:
    """Characters of texts, up to one that is not UTF-8."""
    lengths = []
    with contextlib.suppress(UnicodeDecodeError):
        for text in texts:
            lengths.append(len(text.decode()))
    return lengths
