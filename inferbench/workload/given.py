"""Prompts that somebody wrote down, sent as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from typing_extensions import override

from ..domain.plan import Plan, PlannedRequest
from .planning import hashed
from .prompts import PromptMaker

_LOW = 0xFFFFFFFF


class GivenPrompts(PromptMaker):
    """The texts of a file. A request names its text by the low bits of its seed, as `naming` plans it."""

    exact = False
    natural = True

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        digest = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()
        self.name = f"given-{digest[:16]}"

    @override
    def make(self, request: PlannedRequest) -> str:
        return self._texts[request.seed & _LOW]


def naming(plan: Plan, numbers: Sequence[int], prompts: str) -> Plan:
    """Return a plan whose request in row i names text `numbers[i]`; `prompts` is the name of the prompt maker."""
    seeds = (plan.seeds & ~np.int64(_LOW)) | np.asarray(numbers, dtype=np.int64)
    return hashed(replace(plan, seeds=seeds), prompts)
