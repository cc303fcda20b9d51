"""Prompts as token ids, for endpoints that take them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
from typing_extensions import override

from inferbench.errors import UsageError
from inferbench.workload.plan import PlannedRequest
from inferbench.workload.prompts import PromptMaker, parts


class TokenIdPrompts(PromptMaker):
    """Exactly `isl` token ids, drawn at random: `/v1/completions` and SGLang's `/generate` take them as they are.

    `special_ids` are never sent: they would end a prompt, or begin a role. Raises UsageError where no id is left.
    """

    exact = True
    natural = False

    def __init__(self, salt: str, vocab_size: int, special_ids: Collection[int] = ()) -> None:
        self._salt = salt
        self._ids = np.setdiff1d(np.arange(max(vocab_size, 0)), np.fromiter(special_ids, dtype=np.int64))
        if not len(self._ids):
            raise UsageError(f"a vocabulary of {vocab_size} tokens has none that is not special")
        digest = hashlib.sha256(self._ids.astype("<i8").tobytes()).hexdigest()
        self.name = f"token-ids-{digest[:16]}"

    @override
    def make(self, request: PlannedRequest) -> list[int]:
        return [token for stream, n in parts(request) for token in self._draw(stream, n)]

    def _draw(self, stream: str, n: int) -> list[int]:
        key = hashlib.sha256(f"{self._salt}|{stream}".encode()).digest()
        rng = np.random.default_rng(np.frombuffer(key, dtype=np.uint32))
        drawn: list[int] = self._ids[rng.integers(0, len(self._ids), size=n)].tolist()
        return drawn
