"""What a reader must know before any figure: simulated, INVALID, partial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inferbench.loadgen.health.remedies import what_helps
from inferbench.metrics.summary import PointSummary
from inferbench.runs.report.accuracy import accuracy_lines, not_evaluated
from inferbench.runs.report.attachment import attachment_lines, cautions, not_measured, unlike_production
from inferbench.runs.report.view import RunView
from inferbench.store.manifest import RunState

NAMED = 3
"""Sweep points that a notice names before it counts the rest."""


@dataclass(frozen=True)
class Notice:
    """A banner."""

    kind: Literal["simulated", "invalid", "partial", "caution"]
    title: str
    text: str


def notices(view: RunView) -> tuple[Notice, ...]:
    """The banners that apply, gravest first."""
    found = (
        _invalid(view), _wrong(view), _partial(view), _unlike(view), _not_evaluated(view), _not_measured(view),
        _cautions(view), _simulated(view),
    )  # fmt: skip
    return tuple(notice for notice in found if notice is not None)


def sentences(view: RunView) -> tuple[str, ...]:
    """What a run was attached to and what must be known of it, for where there is no banner.

    Of a run that was attached to nothing, only what is INVALID.
    """
    if not view.manifest.attachments:
        invalid = _invalid(view)
        return () if invalid is None else (said(invalid),)
    known = (*attachment_lines(view), *accuracy_lines(view, passed=True))
    return (*known, *map(said, notices(view)))


def said(notice: Notice) -> str:
    """A notice as a sentence."""
    return f"{notice.title}: {notice.text}"


def live_notice(view: RunView) -> Notice | None:
    """The banner of the live leg where a step of it was INVALID: it judges the client, no deployment."""
    steps = view.live.steps if view.live else ()
    bad = [step for step in steps if step.summary.client and not step.summary.client.valid]
    if view.live is None or not bad:
        return None
    held = f"The client held {view.live.held:,} streams honestly" if view.live.held else "The client held no step"
    listed = "; ".join(f"{step.concurrency:,} streams: {_reasons(step.summary)}" for step in bad)
    helps = what_helps(*(step.summary.client for step in bad))
    return Notice("invalid", "INVALID steps", f"{held}. {listed}{helps}. The verdicts do not depend on this.")


def _invalid(view: RunView) -> Notice | None:
    if not view.invalid:
        return None
    listed = "; ".join(f"{summary.point.key}: {_reasons(summary)}" for summary in view.invalid[:NAMED])
    more = f"; and {len(view.invalid) - NAMED} more" if len(view.invalid) > NAMED else ""
    text = (
        f"During {len(view.invalid)} of {len(view.summaries)} sweep points the client could not keep up, so that their "
        f"figures describe the client and not the server. {listed}{more}"
        f"{what_helps(*(summary.client for summary in view.invalid))}."
    )
    return Notice("invalid", "INVALID", text)


def _reasons(summary: PointSummary) -> str:
    return "; ".join(summary.client.reasons) if summary.client else ""


def _partial(view: RunView) -> Notice | None:
    if not view.partial:
        return None
    cut = sum(summary.partial for summary in view.summaries)
    why = {
        RunState.RUNNING: "is still going on",
        RunState.PARTIAL: "stopped early",
        RunState.BROKEN: "broke off",
    }
    what = f"The run {why.get(view.manifest.state, 'holds points that stopped early')}"
    reason = f" ({view.manifest.reason})" if view.manifest.reason else ""
    points = (
        f"{cut} of the {len(view.summaries)} sweep points below ended before all their requests had; "
        "they are shown and enter no verdict."
        if cut
        else f"The {len(view.summaries)} sweep points below are complete; those after them were never run."
    )
    return Notice("partial", "Partial run", f"{what}{reason}. {points}")


def _wrong(view: RunView) -> Notice | None:
    found = accuracy_lines(view, passed=False)
    text = f"{' '.join(found)} Throughput of answers that are wrong is worth nothing."
    return Notice("invalid", "ACCURACY FAILED", text) if found else None


def _not_evaluated(view: RunView) -> Notice | None:
    found = not_evaluated(view)
    text = (
        f"{'; '.join(found)}: nobody has graded its answers, so that nothing says that this throughput is of right "
        "ones. `inferbench eval gsm8k` with the same URLs does."
    )
    return Notice("caution", "No accuracy result", text) if found else None


def _unlike(view: RunView) -> Notice | None:
    found = "; ".join(unlike_production(view))
    return Notice("caution", "Unlike production", f"{found}.") if found else None


def _not_measured(view: RunView) -> Notice | None:
    missing = not_measured(view)
    if not missing:
        return None
    text = (
        f"{', '.join(missing)}: never attached, so that this run holds no figure of "
        f"{'it' if len(missing) == 1 else 'them'} and compares nothing with {'it' if len(missing) == 1 else 'them'}. "
        "`inferbench run --resume RUN --base-url URL` measures another deployment into this run."
    )
    return Notice("caution", "Not measured", text)


def _cautions(view: RunView) -> Notice | None:
    found = cautions(view)
    return Notice("caution", "To be known", f"{'. '.join(found)}.") if found else None


def _simulated(view: RunView) -> Notice | None:
    if not view.simulated:
        return None
    everything = view.simulated >= set(view.deployments)
    which = "Every figure about a deployment" if everything else f"What is said of {', '.join(sorted(view.simulated))}"
    interval = ""
    if view.scenario:
        widths = sorted({round(view.half_width_of(name), 2) for name in view.simulated})
        off = f"±{widths[0]:.0%}" if len(widths) == 1 else f"±{widths[0]:.0%} to ±{widths[-1]:.0%}"
        interval = (
            f" Its throughput is taken to be within {off} of the truth ({view.scenario.twin.reason}). The intervals "
            "below carry that, and a verdict whose interval holds a tie is UNDECIDED."
        )
    return Notice("simulated", "SIMULATED", f"{which} comes from a model of it, not from hardware.{interval}")
