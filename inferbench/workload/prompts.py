"""Prompt text, made late and only for targets that read it."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..domain.plan import PlannedRequest

TOKENIZER = "words-approximate"
"""One word counts as one token. A server's tokenizer counts otherwise, so lengths are approximate: the server's
own count goes into the record."""

_SYLLABLES = ("ba", "co", "di", "fu", "ga", "he", "ji", "ko", "lu", "ma", "ne", "po", "ra", "si", "ta", "vo")
WORDS = tuple(a + b for a in _SYLLABLES for b in _SYLLABLES)


def word_prompts(salt: str) -> Callable[[PlannedRequest], str]:
    """Return a maker of prompts of `isl` words, each request's its own.

    The salt and the request's number come first, so that no two prompts share a prefix that a server could have
    cached.
    """

    def make(request: PlannedRequest) -> str:
        rng = random.Random(f"{salt}|{request.seed}")
        words = rng.choices(WORDS, k=request.isl)
        words[0] = f"{words[0]}{request.seed & 0xFFFFFFFF:x}{salt}"
        return " ".join(words)

    return make
