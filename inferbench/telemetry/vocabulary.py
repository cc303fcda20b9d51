"""Names of metrics of real servers, mapped to the one vocabulary, and the engine recognised by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, RootModel, model_validator

from ..domain.errors import EndpointError
from ..domain.files import read_value
from ..domain.telemetry import Metric, Reading
from ..domain.value import Value
from .exposition import Sample, read_exposition

FILE = Path(__file__).with_name("vocabulary.yaml")
NAMED = 3
"""Unknown names that an error shows."""


class Name(Value):
    """What one name is in the vocabulary."""

    metric: Metric | None = None
    histogram: str | None = None
    over: Literal["sum", "mean", "max"] = "sum"
    where: dict[str, str] = Field(default_factory=dict)
    scale: float = 1.0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.metric is None) == (self.histogram is None):
            raise ValueError("give either metric or histogram")
        _ = self.parts("")
        return self

    def parts(self, name: str) -> tuple[tuple[str, Metric, float], ...]:
        """Names of the samples that it stands for, each with its metric and its scale."""
        if self.metric is not None:
            return ((name, self.metric, self.scale),)
        total, count = Metric(f"{self.histogram}_sum"), Metric(f"{self.histogram}_count")
        return (f"{name}_sum", total, self.scale), (f"{name}_count", count, 1.0)


class Vocabulary(Value):
    """The names of one engine, router or exporter."""

    begins: tuple[str, ...] = Field(min_length=1)
    only: dict[str, str] = Field(default_factory=dict)
    device: str | None = None
    names: dict[str, Name]


class _Vocabularies(RootModel[dict[str, Vocabulary]]):
    """All of them, in the order in which they are tried."""


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """All vocabularies by the name of their engine."""
    return read_value(FILE, _Vocabularies).root


def recognise(samples: Iterable[Sample]) -> tuple[str, ...]:
    """The engines whose names a page holds, in the order of the vocabularies."""
    names = {sample.name for sample in samples}
    return tuple(e for e, v in vocabularies().items() if any(name.startswith(v.begins) for name in names))


def translate(samples: Sequence[Sample]) -> tuple[Reading, ...]:
    """What a page tells in the one vocabulary; empty where no engine is recognised.

    Of the engines, and of the names, that give the same metric the first counts.
    """
    found: dict[tuple[Metric, str | None], float] = {}
    for engine in recognise(samples):
        for reading in _of_engine(vocabularies()[engine], samples):
            found.setdefault((reading.metric, reading.device), reading.value)
    return tuple(Reading(metric, value, device) for (metric, device), value in found.items())


def read_metrics(text: str, url: str) -> tuple[str, tuple[Reading, ...]]:
    """Read a metrics page: the engine that wrote it, and what it tells.

    Raises EndpointError where the page is in another format, or in nobody's vocabulary.
    """
    samples = read_exposition(text, url)
    engines = recognise(samples)
    if not engines:
        names = sorted({sample.name for sample in samples})
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        known = ", ".join(vocabularies())
        raise EndpointError(f"{url} holds no metric of a known engine ({known}), but {', '.join(names[:NAMED])}{more}")
    return engines[0], translate(samples)


def _of_engine(vocabulary: Vocabulary, samples: Sequence[Sample]) -> Iterator[Reading]:
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        if all(sample.labels.get(label, value) == value for label, value in vocabulary.only.items()):
            by_name.setdefault(sample.name, []).append(sample)
    for name, meaning in vocabulary.names.items():
        for part, metric, scale in meaning.parts(name):
            chosen = [s for s in by_name.get(part, ()) if meaning.where.items() <= s.labels.items()]
            for device, values in _by_device(chosen, vocabulary.device).items():
                yield Reading(metric, scale * float(getattr(np, meaning.over)(values)), device)


def _by_device(samples: Iterable[Sample], label: str | None) -> dict[str | None, list[float]]:
    values: dict[str | None, list[float]] = {}
    for sample in samples:
        values.setdefault(sample.labels.get(label) if label else None, []).append(sample.value)
    return values
