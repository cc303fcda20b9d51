"""The metrics that a report shows: what each means, its formula, and the trap in it."""

from __future__ import annotations

from dataclasses import dataclass

from inferbench.metrics.catalog import CATALOG, ISL, OSL, USD_PER_MTOK_TOTAL
from inferbench.metrics.metric import MetricEntry


@dataclass(frozen=True)
class Term:
    """One metric in words."""

    name: str
    unit: str
    formula: str
    note: str


def _term(metric: MetricEntry) -> Term:
    return Term(metric.label, metric.unit, metric.short, metric.note)


_LENGTHS = Term(f"{ISL.label}, {OSL.label}", ISL.unit, f"{ISL.short}, {OSL.short}", ISL.note)
_COST = Term("$/Mtok", "USD", USD_PER_MTOK_TOTAL.short, USD_PER_MTOK_TOTAL.note)
_METRICS = (metric for metric in CATALOG.values() if metric.note and metric not in (ISL, OSL, USD_PER_MTOK_TOTAL))
TERMS = (
    _LENGTHS,
    *map(_term, _METRICS),
    _COST,
    Term("p50, p90, p99", "", "the value that 50, 90, 99 % of requests stay below", "linear between order statistics"),
    Term(
        "whole_run", "", "first start to last token", "a basis: ramp-up and drain included, as InferenceX and vLLM do"
    ),
    Term(
        "window", "", "while every slot is busy",
        "a basis: steady state; about 10 % above whole_run, so the two are never compared",
    ),
    Term(
        "interval", "", "throughput x (1 - h) to x (1 + h); cost / (1 + h) to / (1 - h)",
        "h is the half-width of a simulated figure",
    ),
    Term(
        "ratio", "", "cost of the next cheapest / cost of the cheapest",
        "its interval adds both sides' doubt as independent errors; where it holds 1.00x the verdict is UNDECIDED",
    ),
)  # fmt: skip
