"""What the server tells of its own work: cached prompt tokens, accepted drafts, tokens in each chunk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferbench.arrays import NEVER
from inferbench.records.columns import Records
from inferbench.records.request_record import ChunkTokens

Rows = NDArray[np.bool_]


def cache_hit_rate(records: Records, rows: Rows) -> float | None:
    """Cached over all prompt tokens of the requests for which the server told; None where it never did."""
    told = rows & (records.cached_tokens != NEVER)
    prompts = int(records.isl[told].sum())
    return int(records.cached_tokens[told].sum()) / prompts if prompts else None


def accepted_length(records: Records, rows: Rows) -> float | None:
    """Tokens per step: a step makes one token and keeps the drafted ones that were accepted.

    All tokens over the tokens that were not drafted, of the requests for which the server told; None where it
    never did.
    """
    told = rows & (records.accepted_tokens != NEVER)
    made = int(records.osl[told].sum())
    steps = made - int(records.accepted_tokens[told].sum())
    return made / steps if steps > 0 else None


def chunk_token_shares(records: Records, rows: Rows) -> dict[str, float] | None:
    """Shares of requests by how it is known how many tokens each chunk held; None where that was not kept."""
    if records.chunk_tokens_source is None or not rows.any():
        return None
    found = records.chunk_tokens_source[rows]
    shares = {kind.name.lower(): float((found == kind).mean()) for kind in ChunkTokens}
    return {name: share for name, share in shares.items() if share}
