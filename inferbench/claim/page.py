"""A claim as one self-contained page: the answers, why, what would change them, and what stands out in the points."""

from __future__ import annotations

from inferbench.audits.tables import audit_table, observation
from inferbench.claim.answer import ClaimReport, PairVerdict
from inferbench.claim.figures import claim_charts
from inferbench.claim.tables import INTERVALS, answer_table, tally, tornado_table, verdict_table
from inferbench.render.format import ratio, usd
from inferbench.runs.report import page


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
    costs = (
        f"A million tokens cost {usd(verdict.subject_usd_per_mtok.central)} on {verdict.subject} and "
        f"{usd(verdict.against_usd_per_mtok.central)} on {verdict.against} under {verdict.book} {verdict.tier}."
    )
    faster = 1 / verdict.break_even_price_ratio
    work = (
        f"{verdict.against} serves {ratio(faster)} as much per GPU and a GPU-hour of it costs "
        f"{ratio(1 / verdict.price_ratio)} one of {verdict.subject}."
    )
    widest = verdict.tornado[0] if verdict.tornado else None
    doubt = f"The widest doubt is {widest.name}: {widest.source}." if widest else ""
    crossings = ", ".join(f"{at:.0f}" for at in verdict.break_even_interactivity)
    turn = (
        f"Both cost the same once the price ratio is {verdict.break_even_price_ratio:.3f} (it is "
        f"{verdict.price_ratio:.3f})"
        + (f", or at {crossings} tok/s/user" if crossings else "")
        + f", or once its GPUs are busy {ratio(verdict.break_even_utilisation)} as much of the time as the other's."
    )
    return {
        "against": verdict.against,
        "outcome": verdict.outcome.value,
        "reason": f"{verdict.reason}.",
        "details": [text for text in (costs, work, doubt, turn) if text],
    }
