"""What a search for the highest load found, in a sentence."""

from __future__ import annotations

from inferbench.runs.bench.bisection import SearchResult


def search_sentence(found: SearchResult) -> str:
    """Say between which loads the limit lies, and how sure that is."""
    holds = "no load that was tried" if found.holds is None else f"concurrency {found.holds}"
    fails = "none that was tried" if found.fails is None else f"concurrency {found.fails}"
    bad = sum(sample.kept is None for sample in found.samples)
    invalid = f", {bad} of them INVALID" if bad else ""
    return (
        f"{'Decided' if found.decided else 'UNDECIDED'} at {found.confidence:.0%} confidence: {holds} keeps the "
        f"limits, {fails} does not ({len(found.samples)} measurements{invalid})."
    )
