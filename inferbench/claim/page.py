"""A claim as one self-contained page: the answers, why, what would change them, and what stands out in the points."""

from __future__ import annotations

from inferbench.audits.tables import audit_table, observation
from inferbench.claim.answer import ClaimReport
from inferbench.claim.figures import claim_charts
from inferbench.claim.tables import INTERVALS, answer_table, tally, tornado_table, verdict_table
from inferbench.comparison import explain
from inferbench.comparison.verdict import PairVerdict
from inferbench.render import page


def render_claim(report: ClaimReport) -> str:
    """Render the page. It opens from a file and loads nothing from anywhere."""
    charts = claim_charts(report)
    scripts = page.scripts() if charts else ()
    tables = (verdict_table(report), tornado_table(report.verdicts[0])) if report.verdicts else ()
    return (
        page.environment()
        .get_template("claim.html.j2")
        .render(
            report=report,
            tally=tally(report),
            verdicts=[_explained(verdict) for verdict in headlines(report)],
            observations=[observation(flag) for flag in report.audit.flags] if report.audit else [],
            charts=charts,
            answers=answer_table(report),
            tables=tables,
            audit=audit_table(report.audit) if report.audit else None,
            intervals=INTERVALS,
            scripts=scripts,
            hashes=[page.policy_hash(script) for script in scripts],
            figure_json=page.figure_json,
        )
    )


def headlines(report: ClaimReport) -> list[PairVerdict]:
    """The verdict against each other under the headline book and tier: the first of each pair."""
    first: dict[str, PairVerdict] = {}
    for verdict in report.verdicts:
        first.setdefault(verdict.against, verdict)
    return list(first.values())


def _explained(verdict: PairVerdict) -> dict[str, object]:
    """A verdict in sentences: what it is, why, and what would change it."""
    return {
        "against": verdict.against,
        "outcome": verdict.outcome.value,
        "reason": f"{verdict.reason}.",
        "details": explain.pair_details(verdict),
    }
