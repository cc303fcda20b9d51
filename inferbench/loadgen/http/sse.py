"""Server-sent events out of stamped reads (WHATWG HTML, section 9.2.6 "Interpreting an event stream")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ERROR = b"error"

MAX_EVENT = 16 * 1024 * 1024
"""Longest event, bytes. The largest that servers send hold the log-probabilities of a long answer, a few MB."""
PIECE = 64
"""What a piece that waits for the end of its event costs beside its bytes: an event in many pieces may be no longer."""


class EndlessEventError(ValueError):
    """An event is longer than any that a server means to send."""

    def __init__(self) -> None:
        super().__init__(f"an event of more than {MAX_EVENT // 2**20} MiB without an end")


class Event(NamedTuple):
    """One event, stamped with the time of the read that held its last byte."""

    t_ns: int
    name: str
    """The `event` field, empty where there is none."""
    data: bytes
    """The `data` lines, joined by newlines."""


def parse_events(reads: Sequence[tuple[int, bytes]], *, at_start: bool = True) -> list[Event]:
    """Parse stamped reads: those of a whole body, or of a part of one between two events.

    The reads are joined before they are parsed, so the same bytes give the same events however they were split,
    and no bytes raise. An event that the end of the body left without its blank line counts too: servers that
    forget the last newline are more common than ones that break off there, and a broken connection shows elsewhere.
    A byte order mark counts as such only `at_start` of the body.
    """
    events, block, t_ns = list[Event](), list[bytes](), 0
    for t_ns, line in _stamped_lines(reads, at_start):
        if line:
            block.append(line)
        else:
            events += _event(t_ns, block, at_start and not events)
            block = []
    return events + _event(t_ns, block, at_start and not events)


def _event(t_ns: int, lines: Sequence[bytes], at_start: bool) -> list[Event]:
    """Read the lines between two blank ones: one event, or none.

    Two things are no part of the standard, and errors that servers write: a field `error`, and an object that stands
    by itself. Where that begins the body, it is no stream.
    """
    name, data, comments = b"", list[bytes](), list[bytes]()
    for line in lines:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
        elif field == ERROR:
            name, data = ERROR, [*data, value]
        elif line.startswith(b"{") and b'"error"' in line and not at_start:
            name, data = ERROR, [*data, line]
        elif not field:
            comments.append(value)
    if name == ERROR and not data:
        data = comments or [b""]  # Dynamo says in a comment what went wrong
    return [Event(t_ns, name.decode("utf-8", "replace"), b"\n".join(data))] if data else []


def _stamped_lines(reads: Sequence[tuple[int, bytes]], at_start: bool) -> Iterator[tuple[int, bytes]]:
    """Yield each line without its end, with the stamp of the read that held its last byte, the line's end included."""
    arrivals = iter(reads)
    t_ns, arrived, position = 0, 0, 0
    body = b"".join([chunk for _, chunk in reads])
    # bytes.splitlines splits at LF, CR and CRLF and nowhere else, which are the line ends of the standard.
    for line in body.splitlines(keepends=True):
        text = line if position or not at_start else line.removeprefix(BYTE_ORDER_MARK)
        position += len(line)
        while arrived < position:
            t_ns, chunk = next(arrivals)
            arrived += len(chunk)
        yield t_ns, text.rstrip(b"\r\n")


ENDS = (b"\n\n", b"\n\r\n")
"""What ends an event."""


class Pieces:
    """Pieces with their stamps; most hold a whole event each, and none waits."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._pieces: list[bytes] = []
        self._held = 0  # what these take in memory, bytes

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, times: list[int], pieces: list[bytes]) -> tuple[list[int], list[bytes]] | None:
        """Add pieces, and return those up to the end of the last event that has one; None where none has.

        Raises EndlessEventError where they wait for a rest that will never come.
        """
        known, ended = len(self._pieces), None
        self._times += times
        self._pieces += pieces
        for last in range(len(self._pieces) - 1, known - 1, -1):
            if end := self._end_in(last):
                ended = self._taken(last, end)
                pieces = self._pieces
                break
        self._held += sum(map(len, pieces)) + PIECE * len(pieces)
        if self._held > MAX_EVENT and ended is None:
            self._times, self._pieces = [], []
            raise EndlessEventError
        return ended

    def rest(self) -> tuple[list[int], list[bytes]]:
        """All that waits: nothing more will come."""
        rest = self._times, self._pieces
        self._times, self._pieces = [], []
        return rest

    def _end_in(self, index: int) -> int:
        """Where in a piece the last event of it ends; 0 where none does.

        Some servers write the blank line by itself, and a proxy may cut anywhere.
        """
        piece = self._pieces[index]
        if piece.endswith(ENDS):
            return len(piece)
        before = b"".join(self._pieces[max(0, index - 2) : index])[-2:]
        seen = before + piece
        end = max((found + len(end) for end in ENDS if (found := seen.rfind(end)) >= 0), default=0)
        return max(0, end - len(before))

    def _taken(self, last: int, end: int) -> tuple[list[int], list[bytes]]:
        """Take out all pieces up to the `last` one, and of that one what lies before `end`."""
        times, pieces = self._times, self._pieces
        ended, rest = pieces[last][:end], pieces[last][end:]
        begun = last if rest else last + 1
        self._times, self._pieces = times[begun:], [*([rest] if rest else []), *pieces[last + 1 :]]
        self._held = 0
        return times[: last + 1], [*pieces[:last], ended]
