"""SGLang's own dialect, `/generate`: text or token ids in; text so far and the engine's counts out."""

from __future__ import annotations

from typing import Any

import orjson
from typing_extensions import override

from .dialect import Dialect, Prompt, Reading, Usage, count
from .endpoint import Endpoint


class Generate(Dialect):
    """`/generate`. Every event repeats the text so far, and says how many tokens that is."""

    path_suffix = "/generate"

    @override
    def body(self, endpoint: Endpoint, prompt: Prompt, osl: int, ignore_eos: bool) -> bytes:
        sampling = {"max_new_tokens": osl, "ignore_eos": ignore_eos, "temperature": 0}
        given = endpoint.extra_body.get("sampling_params")
        return orjson.dumps(
            {
                "text" if isinstance(prompt, str) else "input_ids": prompt,
                "stream": True,
                **endpoint.extra_body,
                "sampling_params": {**sampling, **given} if isinstance(given, dict) else sampling,
            }
        )

    @override
    def _read(self, event: dict[str, Any]) -> Reading:
        meta = event.get("meta_info")
        meta = meta if isinstance(meta, dict) else {}
        reason = meta.get("finish_reason")
        if isinstance(reason, dict) and reason.get("type") == "abort":
            return Reading(False, error=f"aborted by the server: {reason.get('message') or 'no reason given'}")
        generated, verified = count(meta.get("completion_tokens")), count(meta.get("spec_verify_ct"))
        # Each verification of drafted tokens yields those that were accepted, and one more.
        accepted = generated - verified if generated is not None and verified else None
        usage = Usage(count(meta.get("prompt_tokens")), generated, count(meta.get("cached_tokens")), count(accepted))
        text = event.get("text")
        length = len(text) if isinstance(text, str) else 0
        return Reading(bool(length or generated), length, usage if meta else None, answer=True, cumulative=True)
