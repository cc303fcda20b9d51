"""Energy as tables show it: joules per token, and why a figure must not be used."""

from __future__ import annotations

from inferbench.metrics.families import ENERGY
from inferbench.metrics.summary import Basis, EnergySummary, PointSummary
from inferbench.numerals import MISSING, significant

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
    return tuple(
        (metric.label, metric.unit, metric.read(summary, Basis.WHOLE_RUN), metric.read(summary, Basis.WINDOW))
        for metric in ENERGY
    )


def energy_note(energy: EnergySummary | None) -> str:
    """A sentence on where the energy comes from, and why it is invalid where it is."""
    if energy is None:
        return ""
    doubt = "" if energy.valid else f" INVALID: {'; '.join(energy.reasons)}."
    return f" Energy is {energy.origin.value} ({energy.source}), GPUs alone.{doubt}"
