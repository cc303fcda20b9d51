"""A metrics page in the one vocabulary: who wrote it, and what it tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from inferbench.errors import EndpointError
from inferbench.telemetry.exporters.engine_detection import Sighting, canonical, sightings
from inferbench.telemetry.exporters.exposition import Page, Sample
from inferbench.telemetry.exporters.metric_names import Name, forms, vocabularies, wanted
from inferbench.telemetry.possible_values import possible
from inferbench.telemetry.series import Metric, MetricReading, SourceReading

NAMED = 3
"""Unknown names, or odd lines, that are shown."""
SHOWN = 120
"""Characters of an odd line that are shown."""
ROUGH = ("otel_scope_name", "ray._private.telemetry.open_telemetry_metric_recorder")
"""A label of pages that Ray writes (2.60): its histograms add up the middles of their buckets, and not the values."""


def read_metrics(text: str, url: str) -> SourceReading:
    """Read a metrics page: the engine that wrote it, and what it tells in the one vocabulary.

    Of the engines, and of the names, that give the same metric the first counts. Lines that are broken and values that
    cannot be are left out, and said. Raises EndpointError where the page is in another format, or in nobody's
    vocabulary.
    """
    page = Page(text, url)
    seen = sightings(page.names, {engine: vocabulary.begins for engine, vocabulary in vocabularies().items()})
    if not seen:
        raise _of_nobody(page, url)
    found: dict[tuple[Metric, str | None], float] = {}
    remarks: list[str] = []
    for sighting in seen:
        for reading in _EnginesPart(sighting, page, url, remarks).readings():
            found.setdefault((reading.metric, reading.device), reading.value)
    if not found:
        page.check()
    readings = tuple(MetricReading(metric, value, device) for (metric, device), value in found.items())
    if any(vocabularies()[sighting.engine].device for sighting in seen):
        remarks += _powerless(readings, url)
    return SourceReading(seen[0].engine, readings, tuple(dict.fromkeys(remarks)))


def _of_nobody(page: Page, url: str) -> EndpointError:
    page.check()
    names = sorted(page.names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    known = ", ".join(vocabularies())
    return EndpointError(f"{url} holds no metric of a known engine ({known}), but {', '.join(names[:NAMED])}{more}")


class _EnginesPart:
    """What a page holds of one engine."""

    def __init__(self, sighting: Sighting, page: Page, url: str, remarks: list[str]) -> None:
        self._vocabulary = vocabularies()[sighting.engine]
        self._url, self._remarks = url, remarks
        samples, odd = page.samples(name for name in page.names if sighting.own(name) in wanted(sighting.engine))
        remarks += [f"{url} holds a line that is no sample: {line[:SHOWN]!r}" for line in odd[:NAMED]]
        self._samples: dict[str | None, list[Sample]] = {}
        for sample in samples:
            if all(sample.labels.get(label, value) == value for label, value in self._vocabulary.only.items()):
                self._samples.setdefault(sighting.own(sample.name), []).append(sample)

    def readings(self) -> Iterator[MetricReading]:
        """All that it means, the first name of a metric first."""
        meanings = ((name, meaning) for name, own in self._vocabulary.names.items() for meaning in own)
        for name, meaning in meanings:
            for names, metric, scale in meaning.parts(name):
                for device, samples in self._by_device(self._chosen(names, metric, meaning)).items():
                    values = [scale * meaning.number(sample.value) for sample in samples]
                    yield from self._put_together(metric, device, self._rest(values, meaning), meaning)

    def _chosen(self, names: Iterable[str], metric: Metric, meaning: Name) -> Iterator[Sample]:
        for name in names:
            samples = next((self._samples[form] for form in forms(name, metric) if form in self._samples), [])
            if meaning.histogram is not None and any(s.labels.get(ROUGH[0]) == ROUGH[1] for s in samples):
                self._remarks.append(f"{self._url} is Ray's, whose histograms add up the middles of buckets: left out")
                continue
            yield from (sample for sample in samples if meaning.takes(sample))

    def _rest(self, values: list[float], meaning: Name) -> list[float]:
        """What is left of values when those of the names that are parts of them are taken off."""
        parts = [s.value for name in meaning.less for s in self._samples.get(canonical(name), ())]
        return [max(0.0, math.fsum(values) - math.fsum(parts))] if parts else values

    def _by_device(self, samples: Iterable[Sample]) -> Mapping[str | None, list[Sample]]:
        label = self._vocabulary.device
        found: dict[str | None, list[Sample]] = {}
        for sample in samples:
            device = next((value for name, value in sample.labels.items() if name.lower() == label), None)
            found.setdefault(device, []).append(sample)
        return found

    def _put_together(
        self, metric: Metric, device: str | None, values: Sequence[float], meaning: Name
    ) -> Iterator[MetricReading]:
        good = [value for value in values if possible(metric, value)]
        bad = next((v for v in values if math.isfinite(v) and not possible(metric, v)), None)
        if bad is not None:
            whose = f" of GPU {device}" if device is not None else ""
            self._remarks.append(f"{self._url} tells a {metric}{whose} of {bad:g} {metric.unit}, which is no reading")
        if good:
            yield MetricReading(metric, float(getattr(np, meaning.over)(good)), device)


def _powerless(readings: Sequence[MetricReading], url: str) -> Iterator[str]:
    """GPUs of which an exporter tells something and not their power."""
    told = {r.device for r in readings if r.metric is Metric.POWER}
    silent = dict.fromkeys(r.device for r in readings if r.device is not None and r.device not in told)
    if silent:
        yield f"{url} tells no power of GPU {', '.join(silent)}"
