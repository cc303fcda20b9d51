"""Conversations: ShareGPT's `{"conversations": [{"from": "human" | "gpt", "value": text}, ...]}` and its relatives.

A JSON array of them, or one a line. Messages may stand under `conversation`, `messages` or `items` as well, name who
speaks by `role` and say `content` (as a text or in parts), or be pairs of `human` and `assistant`. The public copies
are one line of hundreds of megabytes, so an array is read piece by piece.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from inferbench.errors import FileError
from inferbench.workload.traces.trace_lines import MOST, json_lines, opened
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, shown
from inferbench.workload.traces.verbatim import content

CHUNK = 1 << 20
"""Characters read at a time."""

LISTS = ("conversations", "conversation", "messages", "items")
HUMAN = ("human", "user", "prompter")
MACHINE = ("gpt", "chatgpt", "bing", "bard", "assistant", "model")


class ConversationTurn(NamedTuple):
    """A message and its answer."""

    asked: str
    answered: str


def conversations(path: Path, bad: BadLines) -> Iterator[list[ConversationTurn]]:
    """Read conversations one by one. What comes before the first question is left out, as is a last one unanswered.

    Raises FileError where the file cannot be read, is neither a JSON array nor JSON lines, or has a bad entry and is
    strict.
    """
    if _is_array(path):
        for line, entry in _entries(path):
            try:
                yield _exchanges(entry)
            except ValueError as error:
                bad.add(line, error)
    else:
        yield from json_lines(path, bad, lambda _, entry: _exchanges(entry))


def texts(path: Path, bad: BadLines) -> Iterator[str]:
    """All that people wrote and were answered."""
    for exchanges in conversations(path, bad):
        for exchange in exchanges:
            yield exchange.asked
            yield exchange.answered


def read(path: Path, bad: BadLines, count: Callable[[str], int], one_turn: bool = False) -> Iterator[TraceRequest]:
    """Read conversations as sessions, or their first turns alone. `count` counts the tokens of a text.

    A turn's prompt is all that was said before it and its question. Raises as `conversations` does.
    """
    for session, exchanges in enumerate(conversations(path, bad)):
        said = 0
        for exchange in exchanges[:1] if one_turn else exchanges:
            asked, answered = max(1, count(exchange.asked)), max(1, count(exchange.answered))
            yield TraceRequest(said + asked, answered, session=None if one_turn else session)
            said += asked + answered


def _exchanges(entry: Any) -> list[ConversationTurn]:
    lists = [entry[key] for key in LISTS if isinstance(entry.get(key), list)] if isinstance(entry, dict) else []
    if not lists:
        raise ValueError(f"has no list of conversations; it needs one of the keys {', '.join(LISTS)}")
    found: list[ConversationTurn] = []
    question = None
    for who, text in (said for message in lists[0] for said in _said(message)):
        if who in HUMAN:
            question = text
        elif who in MACHINE and question is not None:
            found.append(ConversationTurn(question, text))
            question = None
    if not found:
        raise ValueError("holds no question with an answer")
    return found


def _said(message: Any) -> Iterator[tuple[Any, str]]:
    """Who said what in a message, or in a pair of them."""
    if not isinstance(message, dict):
        raise ValueError("has a message without text")
    if "human" in message and "assistant" in message:
        yield "human", _text(message["human"])
        yield "assistant", _text(message["assistant"])
        return
    who = message.get("from", message.get("role"))
    if not isinstance(who, str):
        raise ValueError(f"has a message that names nobody in `from` or `role`, but {shown(who)}")
    if who in HUMAN or who in MACHINE:
        yield who, _text(message.get("value", message.get("content")))


def _text(value: Any) -> str:
    text = content(value)
    if text is None:
        raise ValueError("has a message without text")
    return text.encode("utf-8", "replace").decode()  # half of a UTF-16 pair is JSON, and no text


def _is_array(path: Path) -> bool:
    with opened(path) as file:
        window = _Window(path, file)
        first = window.peek()
    if first not in ("[", "{", ""):
        raise FileError(f"{path}:{window.line}: is no JSON array of conversations: found {first!r}")
    return first == "["


def _entries(path: Path) -> Iterator[tuple[int, Any]]:
    """Entries of a JSON array with the lines on which they begin."""
    with opened(path) as file:
        text = _Window(path, file)
        text.expect("[")
        if text.peek() == "]":
            return
        while True:
            text.peek()
            yield text.line, text.value()
            if text.expect(",]") == "]":
                return


class _Window:
    """The part of a JSON text that is being looked at."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path, self._file = path, file
        self._text, self._at = "", 0
        self._decode = json.JSONDecoder().raw_decode
        self.line = 1

    def peek(self) -> str:
        """Skip white space and return the next character, empty at the end."""
        while True:
            begin = self._at
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            self.line += self._text.count("\n", begin, self._at)
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def expect(self, allowed: str) -> str:
        """Take the next character, which must be one of those allowed."""
        character = self.peek()
        if not character or character not in allowed:
            found = repr(character) if character else "the end"
            raise FileError(f"{self._path}:{self.line}: is no JSON array of conversations: found {found}")
        self._at += 1
        return character

    def value(self) -> Any:
        """Take the next JSON value, reading on until it is complete."""
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except RecursionError:
                raise FileError(f"{self._path}:{self.line}: is nested too deeply to be a conversation") from None
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MOST or not self._more():
                    raise FileError(f"{self._path}:{self.line}: is no JSON: {error.msg}") from None
            except ValueError:  # Python reads no number of thousands of digits
                raise FileError(f"{self._path}:{self.line}: is no JSON: a number of too many digits") from None
            else:
                self.line += self._text.count("\n", self._at, end)
                self._at = end
                return value

    def _more(self) -> bool:
        """Read on, at least as much as is there already, so that a long value is not tried again and again."""
        self._text, self._at = self._text[self._at :], 0
        more = self._file.read(max(CHUNK, len(self._text)))
        self._text += more
        return bool(more)
