"""Which sweep points may be set side by side at all."""

from __future__ import annotations

from inferbench.metrics.summary import Basis, PointSummary


def why_unusable(summary: PointSummary, basis: Basis) -> str | None:
    """Return why a point's figures on `basis` must not be compared with others; None where they may be."""
    if summary.partial:
        return "stopped before all requests had ended"
    if summary.client is not None and not summary.client.valid:
        return f"client INVALID: {'; '.join(summary.client.reasons)}"
    if summary.on(basis) is None:
        missing = summary.window_reason if basis is Basis.WINDOW else None
        return f"no {basis} figures: {missing or 'no request succeeded'}"
    return None
