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

from inferbench.loadgen.dialects.dialect import DONE, Dialect, EventReading, Usage
from inferbench.loadgen.http.json_template import Template, learn, plain_lengths, without_id
from inferbench.loadgen.http.sse import BYTE_ORDER_MARK, Pieces, parse_events

NO_USAGE = Usage()

LAST_EVENT = b"data: [DONE]\n\n"
ALIKE = 8 * 1024
"""Longest event that is remembered, bytes, in case that other streams have the same."""
USELESS_TEMPLATES = 4
"""After so many templates in a row that fitted no further event, a stream is one whose events all differ."""


class StreamReading:
    """One stream, fed with pieces of its body. Whatever events say, nothing is raised; an error ends the reading."""

    def __init__(self, dialect: Dialect, keep_text: bool = False) -> None:
        self.times_ns = array("q")
        """Stamps of the chunks that bear a token: those with text, and those whose running count says so."""
        self.lengths = array("q")
        """Characters in each of them."""
        self.counts: list[int] = []
        """Tokens until the end of each of them, as far as the server tells all along."""
        self.silent_ns = array("q")
        """Stamps of chunks without text or count, which may be tokens nevertheless, before the end."""
        self.finish_ns: int | None = None
        """Stamp of the event that said why the answer ended, where that held no text or count."""
        self.finish_reason: str | None = None
        """Why the answer ended: the server's word."""
        self.usage = NO_USAGE
        self.error: str | None = None
        self.texts: list[str] | None = [] if keep_text else None
        """What was generated, piece by piece, where it is to be kept."""
        self.dialect = dialect
        self._closed = False  # by [DONE] or its like
        self._usage_after: int | None = None  # chunks before a usage that stood beside no part of the answer
        self._opened = False
        self._text_length = 0  # of all events, where each repeats the text of those before
        self._answer_ns: int | None = None
        self._reasoned = False
        self._waiting = Pieces()
        self._at_start = True
        self._template: Template | None = None
        self._useless = 0

    @property
    def answer_ns(self) -> int | None:
        """First chunk of the answer, where reasoning came before it."""
        return self._answer_ns if self._reasoned else None

    @property
    def reasoned(self) -> bool:
        """Whether reasoning was streamed before the answer."""
        return self._reasoned

    @property
    def bore_token(self) -> bool:
        """Whether a token came: with text, or without one where the server's count says that there was one."""
        return bool(self.times_ns or (self.usage.completion_tokens and (self.silent_ns or self.finish_ns is not None)))

    @property
    def ended(self) -> bool:
        """Whether the answer came to its end: by [DONE] or its like, a reason to finish, or the final usage.

        A running usage stands beside each text, a final one beside the last of several texts, or beside none.
        """
        if self._closed or self.finish_reason is not None:
            return True
        return self._usage_after == len(self.times_ns) or (len(self.counts) == 1 and len(self.times_ns) > 1)

    @property
    def expected(self) -> tuple[bytes, bytes] | None:
        """What will stand before and after the text of the next event, if that is like those before; None: unknown."""
        if self._template is None or self._waiting or self.error:
            return None
        return self._template.prefix, self._template.suffix

    def take_texts(self, times: list[int], texts: list[bytes]) -> int:
        """Take events that are as `expected`, by their texts alone; return how many could be taken like that."""
        lengths = plain_lengths(texts)
        if lengths and self._template:
            self._useless = 0
            self._add_run(self._template.reading, lengths, times[: len(lengths)])
            if self.texts is not None:
                self.texts += [text.decode() for text in texts[: len(lengths)]]
        return len(lengths)

    def take(self, times: list[int], pieces: list[bytes]) -> None:
        """Take pieces of the body, with their stamps. What is no whole event yet waits for the rest.

        Raises EndlessEventError where it waits for a rest that will never come.
        """
        if whole := self._waiting.add(times, pieces):
            self._read(*whole)

    def finish(self) -> None:
        """Take note that nothing more will come."""
        self._read(*self._waiting.rest())

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
                if self.texts is not None:
                    self.texts += self._template.texts(body, position, run[1])
                position = run[1][-1]
                self._add_run(self._template.reading, run[0], _stamps(times, ends, run[1]))
            else:
                position = self._read_one(body, position, times, ends, at_start)
            at_start = False

    def _read_one(self, body: bytes, position: int, times: list[int], ends: list[int], at_start: bool) -> int:
        """Read one event of a body without CR, and return where it ends."""
        blank = body.find(b"\n\n", position)
        end = blank + 2 if blank >= 0 else len(body)
        event = body[position:end]
        stamp = times[bisect_left(ends, end)]
        if event.startswith(b"data: {") and event.find(b"\n") == len(event) - 2:  # as most are: one line
            known = len(self.times_ns)
            self._interpret(stamp, "", event[6:-2])
            bearing = len(self.times_ns) > known
        elif event == LAST_EVENT:
            self._closed, bearing = True, False
        else:
            bearing = self._interpret_all([(stamp, event)], at_start=at_start)
        if bearing and self._useless < USELESS_TEMPLATES and (template := learn(self.dialect, event)):
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
        if data == DONE:
            self._closed = True
        elif data or name == "error":
            reading = self._reading_of(name, data)
            self.error = reading.error
            self._add(reading, t_ns)

    def _reading_of(self, name: str, data: bytes) -> EventReading:
        """What opens a stream and what closes it is the same in all streams but for their ids, which nobody reads."""
        if (self._template or not self.times_ns) and len(data) <= ALIKE:
            reading = _interpreted(self.dialect, name, without_id(data))
            if reading.error is None:  # its words are about what came
                return reading
        return self.dialect.interpret(name, data)

    def _add(self, reading: EventReading, t_ns: int) -> None:
        if reading.cumulative:
            reading = self._since_last(reading)
        told = reading.usage.completion_tokens if reading.usage else None
        bearing = reading.token_bearing or (reading.silent and self._counts_on(told))
        self._closed = self._closed or reading.closes
        self.finish_reason = self.finish_reason or reading.finish
        if bearing:
            self._add_run(reading, [reading.text_length], [t_ns])
            if told is not None:
                self.counts.append(told)
            if self.texts is not None:
                self.texts.append(reading.text)
        elif reading.silent and (told is None or reading.finish):
            self._add_silent(reading, t_ns)
        if reading.usage:
            self.usage = reading.usage if self.usage is NO_USAGE else self.usage.updated(reading.usage)
            if told is not None and not bearing and not reading.silent:
                self._usage_after = len(self.times_ns)

    def _counts_on(self, told: int | None) -> bool:
        """Whether a running count has gone on with a chunk without text, which so is a token."""
        running = len(self.counts) == len(self.times_ns) and not self.silent_ns
        return told is not None and running and told > (self.counts[-1] if self.counts else 0)

    def _add_silent(self, reading: EventReading, t_ns: int) -> None:
        """Note a chunk without text. The one that names the role comes before any token."""
        opens = reading.opening and not self._opened and not self.times_ns
        self._opened = True
        if reading.finish:
            self.finish_ns = t_ns
        elif not opens:
            self.silent_ns.append(t_ns)

    def _since_last(self, reading: EventReading) -> EventReading:
        """Of an event that says again what those before it said, what is new."""
        new = reading.text[self._text_length :]
        self._text_length = max(self._text_length, reading.text_length)
        told = reading.usage.completion_tokens if reading.usage else None
        bearing = bool(new) if told is None else told > (self.usage.completion_tokens or 0)
        silent = told is None and not bearing and not reading.finish
        return reading._replace(token_bearing=bearing, text=new, silent=silent)

    def _add_run(self, reading: EventReading, lengths: Sequence[int], stamps: Sequence[int]) -> None:
        """Add chunks that say the same but for the length of their text."""
        if reading.answer and self._answer_ns is None:
            self._answer_ns = stamps[0]
        if reading.reasoning and self._answer_ns is None:
            self._reasoned = True
        if self.finish_ns is not None:  # one of several answers had finished
            self.silent_ns.append(self.finish_ns)
            self.finish_ns = None
        self.times_ns.extend(stamps)
        self.lengths.extend(lengths)


@lru_cache(maxsize=256)
def _interpreted(dialect: Dialect, name: str, data: bytes) -> EventReading:
    return dialect.interpret(name, data)


def _stamps(times: list[int], piece_ends: list[int], event_ends: list[int]) -> list[int]:
    """Return the stamps of the pieces that events end in; mostly there is one event in each piece."""
    first = bisect_left(piece_ends, event_ends[0])
    if piece_ends[first : first + len(event_ends)] == event_ends:
        return times[first : first + len(event_ends)]
    return [times[bisect_left(piece_ends, end)] for end in event_ends]
