"""Prompts of a trace that holds them word for word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from typing_extensions import override

from inferbench.workload.plan import PlannedRequest
from inferbench.workload.prompts import PromptMaker
from inferbench.workload.shared_prefixes import TEXT_STREAMS


class LiteralPrompts(PromptMaker):
    """The given text where a part of a prompt is one, and for all others what `made` makes."""

    def __init__(self, texts: Mapping[int, str], made: PromptMaker) -> None:
        self._texts, self._made = texts, made
        self.name = made.name
        self.exact = made.exact and not texts
        self.natural = made.natural or bool(texts)

    @override
    def make(self, request: PlannedRequest) -> str | list[int]:
        if not any(stream >= TEXT_STREAMS for stream, _ in request.prefix):
            return self._made.make(request)
        return " ".join(self._part(request, stream, tokens) for stream, tokens in request.prefix)

    def _part(self, request: PlannedRequest, stream: int, tokens: int) -> str:
        if stream >= TEXT_STREAMS:
            return self._texts[stream - TEXT_STREAMS]
        return str(self._made.make(replace(request, isl=tokens, prefix=((stream, tokens),))))
