"""What a metric is: its name, unit and formula, which way is better, and how it is read off a summary or a cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inferbench.metrics.summary import Basis, BasisSummary, Distribution, EnergySummary, PointSummary

Read = Callable[[PointSummary, Basis], float | None]
"""Reads a figure of a sweep point on a basis, in the metric's unit; None where the point has no such figure."""


STATISTICS = tuple(name for name in Distribution.model_fields if name != "n")
"""What is known of a distribution: mean, std and percentiles, each in the metric's unit."""


class Better(StrEnum):
    """Which way a metric gets better."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEntry:
    """One metric in words. Every table, column, axis and limit that has to do with it takes them from here."""

    name: str
    """Its one name: of columns, keys and options."""
    label: str
    """What a table calls it."""
    unit: str
    """Empty for a share."""
    better: Better | None = None
    """None for what is neither good nor bad in itself, such as a load."""
    formula: str
    trap: str = ""
    """How it is misread, or what other tools mean by the same word."""
    words: str = ""
    """What an axis calls it, where that is not the label."""
    short: str = ""
    """The formula for people who read a report and know none of the names."""
    note: str = ""
    """What they should know besides; the glossary of a report has the metrics that have one."""

    @property
    def title(self) -> str:
        """What an axis calls it."""
        return self.words or self.label

    @property
    def sign(self) -> int:
        """1: higher is better; -1: lower is; 0: neither."""
        return 0 if self.better is None else 1 if self.better is Better.HIGHER else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarMetric(MetricEntry):
    """A metric with one figure for a sweep point."""

    read: Read


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionMetric(MetricEntry):
    """A latency with a distribution over the requests (or tokens) of a sweep point, ms."""

    of: Callable[[BasisSummary], Distribution | None]

    @property
    def field(self) -> str:
        """Name of the field that holds it in summaries, in measured points and in lists of requests."""
        return f"{self.name}_{self.unit}"

    def at(self, statistic: str) -> ScalarMetric:
        """One statistic of it, named like `ttft_p99`. Raises ValueError for one that no distribution has."""
        if statistic not in STATISTICS:
            raise ValueError(f"a distribution has no {statistic}")

        def read(summary: PointSummary, basis: Basis) -> float | None:
            figures = summary.on(basis)
            found = None if figures is None else self.of(figures)
            return None if found is None else getattr(found, statistic)

        return ScalarMetric(
            name=f"{self.name}_{statistic}",
            label=f"{self.label} {statistic}",
            unit=self.unit,
            better=self.better,
            formula=f"{statistic} of {self.name}: {self.formula}",
            trap=self.trap,
            words=f"{self.title} {statistic}",
            read=read,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CostMetric(MetricEntry):
    """A metric of a cost: the field of its name. Costs are made of summaries, so their class is not known here."""

    def read(self, cost: Any) -> float | None:
        """The figure of a `Cost`; None where it has none. Raises AttributeError for what is no cost."""
        value: float | None = getattr(cost, self.name)
        return value


def on_basis(of: Callable[[BasisSummary], float | None]) -> Read:
    """Read a figure of a basis; None where the point has no figures on it."""
    return lambda summary, basis: None if (figures := summary.on(basis)) is None else of(figures)


def per_gpu(of: Callable[[BasisSummary], float]) -> Read:
    """Read a rate over all GPUs of the point."""
    return lambda summary, basis: None if (found := summary.on(basis)) is None else of(found) / summary.point.gpus


def of_energy(of: Callable[[EnergySummary], float | None]) -> Read:
    """Read an energy, which only a whole run has; None where it must not be used."""

    def read(summary: PointSummary, basis: Basis) -> float | None:
        energy = summary.energy if basis is Basis.WHOLE_RUN else None
        return of(energy) if energy is not None and energy.valid else None

    return read
