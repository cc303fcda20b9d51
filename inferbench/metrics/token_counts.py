"""Who counted the generated tokens of a sweep point, and what does not add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferbench.metrics.request_counts import TokenCounts
from inferbench.records.columns import Records
from inferbench.records.request_record import CountSource
from inferbench.workload.plan import Plan


def token_counts(records: Records, plan: Plan, ok: NDArray[np.bool_]) -> TokenCounts | None:
    """Sum up the requests that succeeded; None where none did."""
    if not ok.any():
        return None
    source, osl = records.osl_source[ok], records.osl[ok]
    rows = [plan.row_of(seq) for seq in records.seq[ok].tolist()]
    asked = plan.osl[rows]
    short = (osl < asked) & plan.ignore_eos
    remarks = [remark for remark in records.remarks if remark]
    return TokenCounts(
        by_server=float((source == CountSource.SERVER).mean()),
        by_text=float((source == CountSource.TEXT).mean()),
        by_chunks=float((source == CountSource.CHUNKS).mean()),
        asked_mean=float(asked.mean()),
        prompt_asked_mean=float(plan.isl[rows].mean()),
        short=int(short.sum()),
        short_mean=float(osl[short].mean()) if short.any() else None,
        short_asked_mean=float(asked[short].mean()) if short.any() else None,
        unstreamed_mean=float((osl - records.chunks.held[ok]).mean()),
        disbelieved=len(remarks),
        first_remark=remarks[0] if remarks else None,
    )


def token_notes(tokens: TokenCounts, successes: int) -> list[str]:
    """What must be known of how tokens were counted to read a point's figures; nothing where servers counted all."""
    notes = []
    if tokens.by_chunks:
        notes.append(
            f"tokens counted as chunks{_of(tokens.by_chunks)}: the server sends no count of them that can be "
            "used, and a chunk may hold several tokens, so that output throughput is a lower bound and TPOT an upper "
            "one; --tokenizer counts the text"
        )
    if tokens.by_text:
        notes.append(
            f"tokens counted with the tokenizer given{_of(tokens.by_text)}: the server sends no count of them that can "
            "be used"
        )
    if tokens.short:
        notes.append(
            f"{tokens.short:,} of {successes:,} answers are shorter than asked for, though their end was to be "
            f"ignored: {tokens.short_mean:,.1f} tokens in the mean, {tokens.short_asked_mean:,.1f} asked for"
        )
    if tokens.unstreamed_mean > 1:  # one is the token that ends an answer
        notes.append(
            f"{tokens.unstreamed_mean:,.1f} tokens a request were counted by the server and never streamed, such as "
            "reasoning that is not shown: throughput counts them; TPOT and interactivity are of what a user saw stream"
        )
    if tokens.disbelieved:
        notes.append(
            f"the server's usage contradicts its own answer in {tokens.disbelieved:,} requests, the first: "
            f"{tokens.first_remark}"
        )
    return notes


def _of(share: float) -> str:
    return "" if share == 1 else f" ({share:.1%} of requests)"
