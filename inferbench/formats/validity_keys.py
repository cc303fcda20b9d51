"""Whether a measurement can be believed, and what failed in it: keys of our own in other tools' formats.

Other readers pass over keys that they do not know; ours takes them up again, so that a run that was INVALID stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferbench.metrics.summary import PointSummary

VALID, REASONS, REMEDIES, FAILURES = "client_valid", "client_invalid_reasons", "client_remedies", "failures"
UNSAID = "no reason was given"


def trust_keys(summary: PointSummary) -> dict[str, Any]:
    """What a result says of the client that measured it, and the requests that failed by kind."""
    client = summary.client
    return {
        VALID: client is None or client.valid,
        REASONS: list(client.reasons) if client else [],
        REMEDIES: list(client.remedies) if client else [],
        FAILURES: [one.model_dump(mode="json") for one in summary.failures],
    }


def reasons_of(summary: PointSummary) -> tuple[str, ...]:
    """Why the client of a point could not be believed; empty where it could."""
    client = summary.client
    return () if client is None or client.valid else client.reasons or (UNSAID,)


def row_keys(reasons: Sequence[str]) -> dict[str, Any]:
    """The keys of a flat row; none for a point that can be believed."""
    return {VALID: False, REASONS: list(reasons)} if reasons else {}


def reasons_in(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the client of a row could not be believed, as `trust_keys` and `row_keys` say it; empty where it could."""
    told = row.get(REASONS)
    listed = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    reasons = tuple(str(reason) for reason in listed if reason)
    return reasons or ((UNSAID,) if row.get(VALID) is False else ())
