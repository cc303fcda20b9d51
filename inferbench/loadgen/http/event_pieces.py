"""Pieces of a body that wait for the end of the event that they are part of."""

from __future__ import annotations

from inferbench.loadgen.http.sse import MAX_EVENT, PIECE, EndlessEventError

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
