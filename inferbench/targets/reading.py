"""What a stream says, taken in block by block: the stamps of its tokens, and the facts beside them.

Events that are like those before are taken by `template.Template`; any other, and any text with an escape in it, is
read as JSON.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from ..domain.record import ChunkTokens
from .dialect import DONE, Dialect, Reading, Usage
from .sse import BYTE_ORDER_MARK, MAX_EVENT, PIECE, EndlessEventError, parse_events
from .template import Template, learn, plain_lengths, without_id
from .tokens import spread_tokens

NO_USAGE = Usage()

EVENT_ENDS = (b"\n\n", b"\n\r\n")
USELESS_TEMPLATES = 4
"""After so many templates in a row that fitted no further event, a stream is one whose events all differ."""


class StreamReading:
    """One stream, fed with pieces of its body. Whatever events say, nothing is raised; an error ends the reading."""

    def __init__(self, dialect: Dialect) -> None:
        self.times_ns = array("q")
        """Stamps of the token-bearing chunks."""
        self.usage = NO_USAGE
        self.error: str | None = None
        self._dialect = dialect
        self._lengths = array("q")  # characters in each chunk
        self._counts = array("q")  # tokens until the end of each chunk, as far as the server tells all along
        self._text_length = 0  # of all events, where each repeats the text of those before
        self._answer_ns: int | None = None
        self._reasoned = False
        self._times: list[int] = []  # of the pieces that hold no whole event yet
        self._pieces: list[bytes] = []
        self._held = 0  # what these take in memory, bytes
        self._at_start = True
        self._template: Template | None = None
        self._useless = 0

    @property
    def answer_ns(self) -> int | None:
        """First chunk of the answer, where reasoning came before it."""
        return self._answer_ns if self._reasoned else None

    @property
    def expected(self) -> tuple[bytes, bytes] | None:
        """What will stand before and after the text of the next event, if that is like those before; None: unknown."""
        if self._template is None or self._pieces or self.error:
            return None
        return self._template.prefix, self._template.suffix

    def take_texts(self, times: list[int], texts: list[bytes]) -> int:
        """Take events that are as `expected`, by their texts alone; return how many could be taken like that."""
        lengths = plain_lengths(texts)
        if lengths and self._template:
            self._useless = 0
            self._add_run(self._template.reading, lengths, times[: len(lengths)])
        return len(lengths)

    def take(self, times: list[int], pieces: list[bytes]) -> None:
        """Take pieces of the body, with their stamps. What is no whole event yet waits for the rest.

        Raises EndlessEventError where it waits for a rest that will never come.
        """
        self._times += times
        self._pieces += pieces
        held, known = self._pieces, len(self._pieces) - len(pieces)
        whole = next((i for i in range(len(held), known, -1) if held[i - 1].endswith(EVENT_ENDS)), 0)
        if whole:
            self._read(self._times[:whole], self._pieces[:whole])
            del self._times[:whole], self._pieces[:whole]
            self._held, pieces = 0, self._pieces
        if pieces:
            self._held += sum(map(len, pieces)) + PIECE * len(pieces)
            if self._held > MAX_EVENT:
                self._make_room()

    def _make_room(self) -> None:
        """Read the whole events among pieces that end elsewhere. Raises EndlessEventError where the rest is no less."""
        times, pieces = self._times, self._pieces
        last = next((i for i in range(len(pieces) - 1, -1, -1) if EVENT_ENDS[0] in pieces[i]), None)
        if last is not None:
            end = pieces[last].rindex(EVENT_ENDS[0]) + len(EVENT_ENDS[0])
            self._read(times[: last + 1], [*pieces[:last], pieces[last][:end]])
            times, pieces = times[last:], [pieces[last][end:], *pieces[last + 1 :]]
        self._times, self._pieces = times, pieces
        self._held = sum(map(len, pieces)) + PIECE * len(pieces)
        if self._held > MAX_EVENT:
            self._times, self._pieces = [], []
            raise EndlessEventError

    def finish(self) -> None:
        """Take note that nothing more will come."""
        self._read(self._times, self._pieces)
        self._times, self._pieces = [], []

    def tokens(self, total: int) -> tuple[array[int], ChunkTokens]:
        """Return how many of the `total` tokens each chunk held, and how that is known."""
        counts, chunks = self._counts, len(self.times_ns)
        if chunks and len(counts) == chunks and counts[-1] == total and list(counts) == sorted(counts):
            return array("i", [b - a for a, b in zip([0, *counts], counts)]), ChunkTokens.USAGE  # noqa: B905
        if total == chunks:
            return array("i", [1]) * chunks, ChunkTokens.ONE
        return array("i", spread_tokens(total, self._lengths)), ChunkTokens.SPREAD

    def _read(self, times: list[int], pieces: list[bytes]) -> None:
        """Read whole events; the last may lack its end."""
        body = b"".join(pieces)
        at_start, self._at_start = self._at_start, self._at_start and not body
        if b"\r" in body:
            self._interpret_all(list(zip(times, pieces, strict=True)), at_start=at_start)
            return
        ends = list(accumulate(map(len, pieces)))
        position = len(BYTE_ORDER_MARK) if at_start and body.startswith(BYTE_ORDER_MARK) else 0
        while position < len(body) and self.error is None:
            if self._template and (run := self._template.fits(body, position))[0]:
                self._useless = 0
                position = run[1][-1]
                self._add_run(self._template.reading, run[0], _stamps(times, ends, run[1]))
            else:
                position = self._read_one(body, position, times, ends)

    def _read_one(self, body: bytes, position: int, times: list[int], ends: list[int]) -> int:
        """Read one event of a body without CR, and return where it ends."""
        blank = body.find(b"\n\n", position)
        end = blank + 2 if blank >= 0 else len(body)
        event = body[position:end]
        stamp = times[bisect_left(ends, end)]
        if event.startswith(b"data: {") and event.find(b"\n") == len(event) - 2:  # as most are: one line
            known = len(self.times_ns)
            self._interpret(stamp, "", event[6:-2])
            bearing = len(self.times_ns) > known
        else:
            bearing = self._interpret_all([(stamp, event)])
        if bearing and self._useless < USELESS_TEMPLATES and (template := learn(self._dialect, event)):
            self._template = template
            self._useless += 1
        return end

    def _interpret_all(self, stamped: list[tuple[int, bytes]], at_start: bool = False) -> bool:
        """Read events as JSON, and say whether any bore a token."""
        known = len(self.times_ns)
        for event in parse_events(stamped, at_start=at_start):
            if self.error is None:
                self._interpret(*event)
        return len(self.times_ns) > known

    def _interpret(self, t_ns: int, name: str, data: bytes) -> None:
        if data == DONE or not data:
            return
        reading = self._reading_of(name, data)
        self.error = reading.error
        if reading.error is None:
            self._add(reading, t_ns)

    def _reading_of(self, name: str, data: bytes) -> Reading:
        """What opens a stream and what closes it is the same in all streams but for their ids, which nobody reads."""
        if self._template or not self.times_ns:
            reading = _interpreted(self._dialect, name, without_id(data))
            if reading.error is None:  # its words are about what came
                return reading
        return self._dialect.interpret(name, data)

    def _add(self, reading: Reading, t_ns: int) -> None:
        if reading.cumulative:
            reading = self._since_last(reading)
        if reading.usage:
            self.usage = reading.usage
        if reading.token_bearing:
            self._add_run(reading, [reading.text_length], [t_ns])
            if reading.usage and reading.usage.completion_tokens is not None:
                self._counts.append(reading.usage.completion_tokens)

    def _since_last(self, reading: Reading) -> Reading:
        """Of an event that says again what those before it said, what is new."""
        more = reading.text_length - self._text_length
        self._text_length = max(self._text_length, reading.text_length)
        count = reading.usage.completion_tokens if reading.usage else None
        bearing = more > 0 if count is None else count > (self.usage.completion_tokens or 0)
        return reading._replace(token_bearing=bearing, text_length=max(more, 0))

    def _add_run(self, reading: Reading, lengths: Sequence[int], stamps: Sequence[int]) -> None:
        """Add chunks that say the same but for the length of their text."""
        if reading.answer and self._answer_ns is None:
            self._answer_ns = stamps[0]
        if reading.reasoning and self._answer_ns is None:
            self._reasoned = True
        self.times_ns.extend(stamps)
        self._lengths.extend(lengths)


@lru_cache(maxsize=256)
def _interpreted(dialect: Dialect, name: str, data: bytes) -> Reading:
    return dialect.interpret(name, data)


def _stamps(times: list[int], piece_ends: list[int], event_ends: list[int]) -> list[int]:
    """Return the stamps of the pieces that events end in; mostly there is one event in each piece."""
    first = bisect_left(piece_ends, event_ends[0])
    if piece_ends[first : first + len(event_ends)] == event_ends:
        return times[first : first + len(event_ends)]
    return [times[bisect_left(piece_ends, end)] for end in event_ends]
