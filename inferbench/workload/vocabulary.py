"""Where the words of prompts come from."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import Protocol

from typing_extensions import override

from inferbench.errors import UsageError

_SYLLABLES = ("ba", "co", "di", "fu", "ga", "he", "ji", "ko", "lu", "ma", "ne", "po", "ra", "si", "ta", "vo")
MADE_UP = tuple(a + b for a in _SYLLABLES for b in _SYLLABLES)
"""Words of a built-in language."""


class WordSource(Protocol):
    """A source of words. The same generator state gives the same words, whatever their number."""

    name: str
    natural: bool
    """Whether they make sense in a row, as text does."""

    def draw(self, rng: random.Random, n: int) -> list[str]:
        """Return n words; fewer words are the beginning of more."""


class MadeUpWords(WordSource):
    """Words of the built-in language, drawn independently: one random byte each, which is quick."""

    natural = False
    name = "random"

    @override
    def draw(self, rng: random.Random, n: int) -> list[str]:
        whole = rng.randbytes(-(-n // 4) * 4)  # a generator gives 4 bytes at a time, and fewer bytes are others
        return list(map(MADE_UP.__getitem__, whole[:n]))


class RandomWords(WordSource):
    """Words of a given list, drawn independently."""

    natural = False

    def __init__(self, words: Sequence[str], name: str) -> None:
        self._words = words
        self.name = name

    @override
    def draw(self, rng: random.Random, n: int) -> list[str]:
        return rng.choices(self._words, k=n)


class TextWords(WordSource):
    """Words in a row of real text, from a place drawn at random, round and round. Raises UsageError for no words."""

    natural = True

    def __init__(self, texts: Iterable[str], most: int = 1_000_000) -> None:
        self._words: list[str] = []
        for text in texts:
            self._words += text.split()
            if len(self._words) >= most:
                break
        if not self._words:
            raise UsageError("the data set holds no text")
        digest = hashlib.sha256(" ".join(self._words).encode("utf-8", "replace")).hexdigest()
        self.name = f"text-{digest[:16]}"

    @property
    def words(self) -> Sequence[str]:
        """All words."""
        return self._words

    @override
    def draw(self, rng: random.Random, n: int) -> list[str]:
        start, words = rng.randrange(len(self._words)), self._words
        taken = words[start : start + n]
        while len(taken) < n:
            taken += words[: n - len(taken)]
        return taken
