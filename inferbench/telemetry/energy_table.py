"""Energy as tables show it: joules per token, and why a figure must not be used."""

from __future__ import annotations

from inferbench.metrics.summary import EnergySummary, PointSummary
from inferbench.render.format import MISSING, significant

Row = tuple[str, str, float | None, float | None]
"""Name, unit, the figure of the whole run and that of the window, which energy does not have."""


def joules_per_token(summary: PointSummary) -> str:
    """Energy per generated token, J; INVALID where it must not be used."""
    energy = summary.energy
    if energy is None:
        return MISSING
    return significant(energy.joules_per_output_token) if energy.valid else "INVALID"


def energy_rows(summary: PointSummary) -> tuple[Row, ...]:
    """The energy figures of one point; none where there are none that may be used."""
    energy = summary.energy
    if energy is None or not energy.valid:
        return ()
    return (
        ("energy per output token", "J", energy.joules_per_output_token, None),
        ("energy per token", "J", energy.joules_per_total_token, None),
        ("mean power", "W/GPU", energy.mean_power_w_per_gpu, None),
    )


def energy_note(energy: EnergySummary | None) -> str:
    """A sentence on where the energy comes from, and why it is invalid where it is."""
    if energy is None:
        return ""
    doubt = "" if energy.valid else f" INVALID: {'; '.join(energy.reasons)}."
    return f" Energy is {energy.origin.value} ({energy.source}), GPUs alone.{doubt}"
