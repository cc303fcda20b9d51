"""From how a plan went against an endpoint to its summary, and what must be said beside it."""

from __future__ import annotations

from pathlib import Path

from inferbench.loadgen.health.invalid_client import judge_client
from inferbench.metrics import failure_kinds
from inferbench.metrics.goodput import GoodputSlo
from inferbench.metrics.request_counts import ProbeRequests
from inferbench.metrics.summarise import summarise
from inferbench.metrics.summary import Origin, PointSummary, SweepPoint
from inferbench.metrics.token_counts import token_notes
from inferbench.runs.measure.plan_run import HttpOutcome
from inferbench.workload.plan import Plan
from inferbench.workload.prompts import PromptMaker, acceptance_caveat

CACHED = 0.01
"""Share of prompt tokens from the server's prefix cache above which a run says so."""
OFF, TEMPLATE = 0.05, 32
"""Share of a prompt's tokens, and tokens that a chat template adds, by which the server's count may differ unsaid."""


def why_partial(outcome: HttpOutcome) -> str | None:
    """Why a load ended before its plan was through; None where it did not, or its time was up."""
    kind = outcome.driven.stop_kind
    return None if kind is None or kind.is_normal else outcome.driven.stop_reason


def summarise_http(
    directory: Path, plan: Plan, point: SweepPoint, outcome: HttpOutcome, slo: GoodputSlo | None = None
) -> PointSummary:
    """Summarise a measured point from its records on disk, and judge the client that measured it."""
    from inferbench.records.reader import read_records  # pyarrow, after the load has ended

    records = read_records(directory)
    partial = why_partial(outcome) is not None
    summary = summarise(records, plan, point, Origin.MEASURED, partial=partial, slo=slo)
    streams = min(point.concurrency, len(records)) if plan.planned_ns is None and plan.session is None else 0
    client = judge_client(records, plan.arrival, outcome.client, streams_asked=streams)
    return summary.model_copy(update={"client": client, "probe": outcome.driven.probe})


def notes_on(summary: PointSummary, maker: PromptMaker) -> tuple[str, ...]:
    """What must be known to read a measured point's figures, beside the client's own verdict."""
    notes, counts, run = list(summary.client.warnings if summary.client else ()), summary.counts, summary.whole_run
    if counts.failed:
        others = ". Latencies are those of the others" if counts.ok else ""
        notes.append(f"{failure_kinds.sentence(counts, summary.failures)}{others}")
    if counts.retries:
        notes.append(
            f"{counts.retried:,} requests were sent again, {counts.retries:,} times in all, after a refusal or where "
            "the server closed an idle connection"
        )
    if summary.tokens is not None:
        notes += token_notes(summary.tokens, counts.ok)
        notes += _prompt_note(summary.isl_mean, summary.tokens.prompt_asked_mean, maker.exact)
    caveat = acceptance_caveat(maker, run is not None and run.accepted_length is not None)
    if caveat is not None:
        notes.append(caveat)
    if run is not None and run.cache_hit_rate is not None and run.cache_hit_rate > CACHED:
        notes.append(
            f"{run.cache_hit_rate:.1%} of prompt tokens came from the server's prefix cache: "
            "TTFT and throughput are those of such a load"
        )
    if summary.probe is not None:
        notes.append(_waited(summary.probe))
    return tuple(notes)


def _prompt_note(counted: float, asked: float, exact: bool) -> list[str]:
    """What must be said where the server counts other prompts than were to be sent."""
    if abs(counted - asked) <= max(OFF * asked, TEMPLATE):
        return []
    remedy = "" if exact else ": a word was sent for each; --tokenizer makes them exact"
    return [
        f"prompts have {counted:,.1f} tokens in the mean by the server's count, {asked:,.1f} were to be sent{remedy}"
    ]


def _waited(probe: ProbeRequests) -> str:
    """How long a stranger's request waits."""
    sent = f"of {probe.completed + probe.failed + probe.unfinished} probe requests for one token, {probe.rate:g}/s"
    if probe.p50_ms is None or probe.p99_ms is None or probe.max_ms is None:
        return f"{sent}, none succeeded"
    left = f", {probe.failed} failed" if probe.failed else ""
    left += f", {probe.unfinished} still waited at its end" if probe.unfinished else ""
    return (
        f"{sent} beside the load, {probe.completed} were answered{left}: a stranger's request waits "
        f"{probe.p50_ms:,.1f} ms (p50), {probe.p99_ms:,.1f} ms (p99), {probe.max_ms:,.1f} ms at most"
    )
