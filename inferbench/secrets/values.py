"""The secrets that this process holds, and how to find them in a text however it was written.

Whoever takes a credential in says so (`learn`), so that nothing that echoes it is ever kept or shown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from inferbench.secrets.names import HARMLESS_HEADERS, is_secret_name

HIDDEN = "***"
"""What stands in place of a secret."""
PART = 8
"""A beginning of a secret that is at least so long is hidden too: whoever echoed it may have cut it."""
WORD = 16
"""A header's value of fewer letters, and of nothing else, is a word, where the header's name tells of no secret."""
_SHORT = 4
"""Below this a value is no secret: it would be found everywhere."""
_REST = re.compile(r"[\w-]*+")
"""What a word goes on with; it matches everywhere."""
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_WRITTEN = ("%", "\\", "&", "+")
"""A text without any of these has nothing escaped in it."""


class _Literal:
    """One secret, however its characters are written: as they are, or as URLs, JSON, Python and HTML have them."""

    def __init__(self, value: str, *, parts: bool) -> None:
        self.value = value
        self._least = min(PART, len(value)) if parts else len(value)
        self.begin = value[: self._least]

    @cached_property
    def _characters(self) -> list[re.Pattern[str]]:
        return [re.compile(_any_writing(c)) for c in self.value]

    @cached_property
    def _begin(self) -> re.Pattern[str]:
        begin = "".join(map(_any_writing, self.begin))
        # A short one must stand alone: "abcd" is not hidden in "abcde".
        return re.compile(rf"(?<!\w){begin}(?!\w)" if len(self.value) < PART else begin)

    def hide(self, text: str, *, whole: bool) -> str:
        """Put HIDDEN in its place, wherever it stands: where it is `whole` alone, or also where it was cut.

        What goes on otherwise than it does may be another secret that begins alike: then the word is hidden to its end.
        """
        kept, at, looked = [], 0, 0
        while (found := self._begin.search(text, looked)) is not None:
            end, complete = self._end(text, found.end())
            if complete or not whole:
                kept += [text[at : found.start()], HIDDEN]
                rest = None if complete else _REST.match(text, end)
                at = looked = rest.end() if rest else end
            else:
                looked = found.end()
        return "".join([*kept, text[at:]])

    def _end(self, text: str, at: int) -> tuple[int, bool]:
        """Where it ends in a text, as far as it stands there, and whether that is all of it."""
        for character in self._characters[self._least :]:
            if (more := character.match(text, at)) is None:
                return at, False
            at = more.end()
        return at, True


def _any_writing(c: str) -> str:
    """A pattern for a character in any of its writings, however often escaped."""
    octets = "".join(f"%(?:25){{0,8}}{octet:02x}" for octet in c.encode())
    ways = [octets, rf"\\{{1,8}}(?:u{ord(c):04x}|x{ord(c):02x})", f"&#0{{0,8}}{ord(c)};", f"&#x0{{0,8}}{ord(c):x};"]
    if c in _NAMED:
        ways.append(f"&{_NAMED[c]};")
    plain = re.escape(c) if c.isalnum() else rf"\\{{0,8}}{re.escape(c)}"
    return f"(?:(?i:{'|'.join(ways)})|{plain})"


class Secrets:
    """The secrets of a process."""

    def __init__(self) -> None:
        self._literals: dict[str, _Literal] = {}
        self._longest_first: list[_Literal] = []
        self.version = 0
        """Rises with each secret that is learnt."""

    def learn(self, value: str, *, parts: bool = True) -> None:
        """Hide a value from now on: as it is, and as Base64 has it. With `parts`, long beginnings of it as well."""
        for written in (value, *_in_base64(value)) if len(value) >= _SHORT else ():
            if written not in self._literals:
                self._literals[written] = _Literal(written, parts=parts)
                self._longest_first = sorted(self._literals.values(), key=lambda literal: -len(literal.value))
                self.version += 1

    def learn_header(self, name: str, value: str) -> None:
        """Hide what a request header carries: the value, the token after its scheme, the cookies in it."""
        plain = value.isascii() and value.isalpha() and len(value) < WORD and not is_secret_name(name)
        if plain or name.lower() in HARMLESS_HEADERS:
            return  # to hide a word of a language, such as `error`, would hide what servers say
        for part in _parts_of_header(name, value):
            self.learn(part, parts=is_secret_name(name) or part != value)

    def learn_json(self, data: Any) -> None:
        """Hide all texts that stand under names of secrets, at any depth."""
        for text in _texts_under_secrets(data, hidden=False):
            self.learn(text)

    def forget(self) -> None:
        """Know of no secret any more."""
        self._literals.clear()
        self._longest_first.clear()
        self.version += 1

    def hide(self, text: str) -> str:
        """Put HIDDEN in place of every known secret in a text, the longest first."""
        written = any(c in text for c in _WRITTEN)
        known = [literal for literal in self._longest_first if written or literal.begin in text]
        # Whole ones first: the beginning of one may be that of another, whose rest would then stand there.
        for whole in (True, False) if known else ():
            for literal in known:
                text = literal.hide(text, whole=whole)
        return text


def _in_base64(value: str) -> Iterator[str]:
    """What Base64 makes of a value that stands anywhere in a text, as a password does in `user:password`.

    Its first and last digits depend on what stands around it and are left out.
    """
    octets = value.encode()
    if len(octets) < PART:
        return
    for before in range(3):
        digits = base64.b64encode(bytes(before) + octets).decode()
        inner = digits[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6]
        yield from dict.fromkeys((inner, inner.translate(str.maketrans("+/", "-_"))))


def _parts_of_header(name: str, value: str) -> Iterator[str]:
    yield value
    if name.lower() == "cookie":
        yield from (pair.partition("=")[2].strip().strip('"') for pair in value.split(";"))
        return
    scheme, _, token = value.partition(" ")
    if token and scheme.isalpha():
        yield token.strip()
    if scheme.lower() == "basic":
        try:
            told = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        yield from (told, told.partition(":")[2])


def _texts_under_secrets(data: Any, *, hidden: bool) -> Iterator[str]:
    if isinstance(data, str) and hidden:
        yield data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _texts_under_secrets(value, hidden=hidden or is_secret_name(str(key)))
    elif isinstance(data, list):
        for value in data:
            yield from _texts_under_secrets(value, hidden=hidden)


KNOWN = Secrets()
"""Those of this process."""
