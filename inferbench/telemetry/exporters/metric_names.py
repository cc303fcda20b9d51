"""The file of names of metrics of real servers, and what each is in the one vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, RootModel, model_validator

from inferbench.files.yaml_values import read_yaml
from inferbench.telemetry.exporters.engine_detection import canonical
from inferbench.telemetry.exporters.exposition import Sample
from inferbench.telemetry.series import Metric
from inferbench.values import Value

FILE = Path(__file__).with_name("vocabulary.yaml")
BITS = 1 << 16
"""Sets of bits lie below; a blank does not."""


def _several(given: object) -> object:
    return given if isinstance(given, (list, tuple)) else (given,)


class Name(Value):
    """What one name is in the vocabulary; the file explains the keys."""

    metric: Metric | None = None
    histogram: str | None = None
    also: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    over: Literal["sum", "mean", "max"] = "sum"
    where: dict[str, Annotated[tuple[str, ...], BeforeValidator(_several)]] = Field(default_factory=dict)
    mask: int | None = None
    scale: float = 1.0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.metric is None) == (self.histogram is None):
            raise ValueError("give either metric or histogram")
        if self.less and (self.metric is None or self.over != "sum"):
            raise ValueError("less goes with a metric that is summed")
        _ = self.parts("")
        return self

    def parts(self, name: str) -> tuple[tuple[tuple[str, ...], Metric, float], ...]:
        """Names of the samples that it stands for, each with their metric and its scale."""
        names = (name, *self.also)
        if self.metric is not None:
            return ((names, self.metric, self.scale),)
        total, count = Metric(f"{self.histogram}_sum"), Metric(f"{self.histogram}_count")
        return (tuple(f"{n}_sum" for n in names), total, self.scale), (tuple(f"{n}_count" for n in names), count, 1.0)

    def takes(self, sample: Sample) -> bool:
        """Whether a sample has the labels asked for, in any case; as in Prometheus, one that is absent is empty."""
        own = {label.lower(): value.lower() for label, value in sample.labels.items()}
        return all(own.get(label, "") in values for label, values in self.where.items())

    def number(self, value: float) -> float:
        """A sample's value, or, where that is a set of bits, whether one of those asked for is set."""
        return float(bool(int(value) & self.mask)) if self.mask is not None and 0 <= value < BITS else value


class EngineMetricNames(Value):
    """The names of one engine, router or exporter; the file explains the keys."""

    begins: tuple[str, ...] = Field(min_length=1)
    only: dict[str, str] = Field(default_factory=dict)
    device: str | None = None
    names: dict[str, Annotated[tuple[Name, ...], BeforeValidator(_several)]]


class _Vocabularies(RootModel[dict[str, EngineMetricNames]]):
    """All of them, in the order in which they are tried."""


@cache
def vocabularies() -> Mapping[str, EngineMetricNames]:
    """All vocabularies by the name of their engine."""
    return _Vocabularies.model_validate(read_yaml(FILE)).root  # of one or of several, which no strict reading takes


@cache
def wanted(engine: str) -> frozenset[str]:
    """Names of samples of an engine that mean something, in the form in which names are compared."""
    meanings = ((name, meaning) for name, own in vocabularies()[engine].names.items() for meaning in own)
    parts = (part for name, meaning in meanings for part in meaning.parts(name))
    taken = {canonical(name) for own in vocabularies()[engine].names.values() for m in own for name in m.less}
    return frozenset(form for names, metric, _ in parts for name in names for form in forms(name, metric)) | taken


def forms(name: str, metric: Metric) -> tuple[str, ...]:
    """How a name may be written: who writes counters adds `_total` or does not."""
    form = canonical(name)
    return (form, form.removesuffix("_total")) if metric.is_counter and form.endswith("_total") else (form,)
