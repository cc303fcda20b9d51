"""Text of exactly n tokens for the server's tokenizer."""

from __future__ import annotations

import random
from itertools import accumulate

from typing_extensions import override

from inferbench.errors import UsageError
from inferbench.workload.plan import PlannedRequest
from inferbench.workload.prompts import PromptMaker, parts
from inferbench.workload.tokenizer import ServerTokenizer
from inferbench.workload.vocabulary import RandomWords, TextWords

TRIES = 8
"""Corrections of a text's length. Words that are one token each need at most one."""


class ExactPrompts(PromptMaker):
    """Text that the server's tokenizer counts as exactly `isl` tokens.

    Without `text` it is made of words of one token each. With it, it is natural text, filled up with such words where
    the next whole word would be too long. Corrections touch the end of a prompt only, so that shared prefixes stay
    shared but for the last few tokens.
    """

    exact = True

    def __init__(self, salt: str, tokenizer: ServerTokenizer, text: TextWords | None = None) -> None:
        self._salt = salt
        self._tokenizer = tokenizer
        self._filling = RandomWords(tokenizer.words, "random")
        self._vocabulary = text or self._filling
        self._costs = {} if text is None else _costs(tokenizer, text)
        self.natural = text is not None
        self.name = tokenizer.name if text is None else f"{tokenizer.name}:{text.name}"

    @override
    def make(self, request: PlannedRequest) -> str:
        """Return the prompt. Raises UsageError where no text of that many tokens exists."""
        *before, (stream, tokens) = parts(request)
        words = [word for name, n in before for word in self._words(name, n, natural=True)]
        least = 0 if words else 1  # an empty prompt is none
        for natural in (True, False):
            budget = max(tokens - self._tokenizer.added, least)
            for _ in range(TRIES):
                prompt = " ".join(words + self._words(stream, budget, natural))
                missing = request.isl - self._tokenizer.count(prompt)
                if missing == 0:
                    return prompt
                budget += missing
                if budget < least:
                    break
        raise UsageError(f"{self._tokenizer.path}: no prompt of exactly {request.isl} tokens can be made")

    def _words(self, stream: str, tokens: int, natural: bool) -> list[str]:
        """Words of `tokens` tokens, by the cost of each behind a space."""
        rng = random.Random(f"{self._salt}|{stream}")
        if not (natural and self._costs):
            return self._filling.draw(rng, tokens)
        words = self._vocabulary.draw(rng, tokens)
        reached = list(accumulate(self._costs[word] for word in words))
        whole = sum(1 for total in reached if total <= tokens)
        short = tokens - (reached[whole - 1] if whole else 0)
        return words[:whole] + self._filling.draw(rng, short)


def _costs(tokenizer: ServerTokenizer, text: TextWords) -> dict[str, int]:
    """Tokens of each word of a text where it follows another."""
    words = list(dict.fromkeys(text.words))
    anchor = tokenizer.words[0]
    alone = tokenizer.count(anchor)
    return {
        word: max(1, count - alone)
        for word, count in zip(words, tokenizer.counts([f"{anchor} {word}" for word in words]), strict=True)
    }
