"""SGLang's own dialect, `/generate`: text or token ids in; text so far and the engine's counts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from inferbench.loadgen.dialects.dialect import (
    FAILED,
    Dialect,
    EventReading,
    Prompt,
    Usage,
    count,
    finish_of,
    mapping,
    text_of,
    word,
)
from inferbench.loadgen.http.endpoint import Endpoint


class Generate(Dialect):
    """`/generate`. Every event repeats the text so far, and says how many tokens that is."""

    path = "/generate"

    @override
    def _body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> dict[str, Any]:
        return {
            "text" if isinstance(prompt, str) else "input_ids": prompt,
            "sampling_params": {"max_new_tokens": osl, "ignore_eos": ignore_eos, "temperature": 0},
            "stream": True,
        }

    @override
    def _limit(self, body: Mapping[str, Any]) -> int | None:
        sampling = mapping(body.get("sampling_params"))
        limit = count(sampling.get("max_new_tokens"))
        return None if limit is None else limit * max(1, count(sampling.get("n")) or 1)

    @override
    def _read(self, event: dict[str, Any]) -> EventReading:
        meta = mapping(event.get("meta_info"))
        reason = meta.get("finish_reason")
        finish = word(mapping(reason).get("type") if isinstance(reason, dict) else reason)
        error = None
        if finish in FAILED:
            error = f"aborted by the server: {text_of(mapping(reason).get('message')) or 'no reason given'}"
        generated, verified = count(meta.get("completion_tokens")), count(meta.get("spec_verify_ct"))
        # Each verification of drafted tokens yields those that were accepted, and one more.
        accepted = generated - verified if generated is not None and verified else None
        usage = Usage(count(meta.get("prompt_tokens")), generated, count(meta.get("cached_tokens")), count(accepted))
        text = event.get("text")
        return EventReading(
            bool(text or generated),
            text if isinstance(text, str) else "",
            usage if meta else None,
            error,
            answer=True,
            cumulative=True,
            finish=finish_of(finish),
        )
