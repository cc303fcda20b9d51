"""Prompts, made late and only for targets that read them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Protocol

from typing_extensions import override

from inferbench.workload.plan import PlannedRequest
from inferbench.workload.vocabulary import MadeUpWords, WordSource

TOKENIZER = "words-approximate"
"""Name of the built-in word prompts: one word counts as one token. A server's tokenizer counts otherwise, so lengths
are approximate: the server's own count goes into the record."""


class PromptMaker(Protocol):
    """Makes the prompts of a plan. The same request gives the same prompt, in any order and process."""

    name: str
    """Goes into the prompt hash: equal names make equal prompts of equal plans."""
    exact: bool
    """Whether prompts have exactly `isl` tokens for the server's tokenizer."""
    natural: bool
    """Whether they read like text that people write."""

    def make(self, request: PlannedRequest) -> str | list[int]:
        """Return the prompt as text, or as token ids."""


def acceptance_caveat(maker: PromptMaker, speculative: bool) -> str | None:
    """Return what must be said of a run with these prompts on a server that speculates; None where nothing must.

    How many drafted tokens are accepted depends on how well the answer can be guessed. An answer to noise is not
    what people get.
    """
    if not speculative or maker.natural:
        return None
    return (
        f"prompts are not natural text ({maker.name}) and the server speculates: its acceptance, and with it TPOT and "
        "throughput, may be far from that of real text; --dataset-name sharegpt sends some"
    )


def parts(request: PlannedRequest) -> Iterator[tuple[str, int]]:
    """What a prompt is made of, in order: (name of a stream of text, tokens from its beginning)."""
    left = request.isl
    for stream, tokens in request.prefix:
        yield f"p{stream:x}", min(tokens, left)
        left -= min(tokens, left)
    if left:
        yield f"{request.seed}", left


class WordPrompts(PromptMaker):
    """Text of `isl` words.

    Every stream of text begins with a word that names it and the salt, so that no two prompts share a prefix that
    a server could have cached, but for what the plan has them share.
    """

    exact = False

    def __init__(self, salt: str, vocabulary: WordSource | None = None) -> None:
        self._salt = salt
        self._vocabulary = vocabulary or MadeUpWords()
        self.natural = self._vocabulary.natural
        self.name = TOKENIZER if vocabulary is None else f"{TOKENIZER}:{vocabulary.name}"

    @override
    def make(self, request: PlannedRequest) -> str:
        return " ".join([" ".join(self._words(stream, n)) for stream, n in parts(request)])

    def _words(self, stream: str, n: int) -> list[str]:
        words = self._vocabulary.draw(random.Random(f"{self._salt}|{stream}"), n)
        mark = stream if stream.startswith("p") else f"{int(stream) & 0xFFFFFFFF:x}"
        words[0] = f"{words[0]}{mark}{self._salt}"
        return words


def word_prompts(salt: str) -> Callable[[PlannedRequest], str]:
    """Return a maker of prompts in made-up words."""
    return WordPrompts(salt).make
