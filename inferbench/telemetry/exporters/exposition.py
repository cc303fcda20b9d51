"""A metrics page in Prometheus' text format, as samples."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from inferbench.errors import EndpointError

ACCEPT = "text/plain;version=0.0.4"
"""What to ask a server for. OpenMetrics, which some give all the same, differs in what no reader here needs."""
SHOWN = 60
"""Characters of a page that is none which an error shows."""
MOST = 20_000
"""Most lines of wanted names: ten times what 64 data-parallel ranks have, and a second's work."""
TRIED = 1000
"""Lines of a page without known names that are parsed, to say whether it is a metrics page at all."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=[{\s])")


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a metrics page."""

    name: str
    labels: Mapping[str, str]
    value: float


class Page:
    """A page whose lines have been sorted by name and not yet parsed: of an engine's page few lines are wanted."""

    def __init__(self, text: str, url: str) -> None:
        self._text, self._url = text, url
        self._lines: dict[str, list[str]] = {}
        # Not splitlines(): a label may hold any character but a newline.
        for line in text.removeprefix("\ufeff").split("\n"):
            name = _NAME.match(line)
            # Buckets are nine lines in ten of an engine's page, and nobody here reads them. Without the types in
            # comments the parser leaves names as they are: it would add `_total` to those of counters.
            if name and not name[0].endswith("_bucket"):
                self._lines.setdefault(name[0], []).append(line)

    @property
    def names(self) -> Iterable[str]:
        """Names of its samples; of a page that is none whatever its lines begin with."""
        return self._lines.keys()

    def samples(self, names: Iterable[str], most: int | None = MOST) -> tuple[list[Sample], list[str]]:
        """The samples of these names, and the lines that are none. Of a series that stands twice the last counts.

        Raises EndpointError where there are more than `most`.
        """
        found, odd = {}, []
        lines = [line for name in names for line in self._lines.get(name, ())]
        if most is not None and len(lines) > most:
            raise EndpointError(
                f"{self._url} holds {len(lines):,} lines that would have to be read, more than {most:,}"
            )
        for line in lines:
            try:
                for sample in _parse(line):
                    found[sample.name, frozenset(sample.labels.items())] = sample
            except (ValueError, IndexError, KeyError):
                odd.append(line.strip())
        return list(found.values()), odd

    def check(self) -> None:
        """Raise EndpointError, which names the URL and what came, where it is no metrics page or holds nothing."""
        lines = [line for lines in self._lines.values() for line in lines][:TRIED]
        if not any(math.isfinite(s.value) for line in lines for s in _parsed(line)):
            numbers = any(True for line in lines for _ in _parsed(line))
            what = "no sample" if numbers or self._text.lstrip("\ufeff \t\r\n").startswith("#") else _what(self._text)
            raise EndpointError(f"{self._url} is no Prometheus metrics page: it holds {what}")


def read_exposition(text: str, url: str) -> tuple[Sample, ...]:
    """Read all of a page; buckets of histograms and values that are no numbers are left out.

    Raises EndpointError, which names the URL and what came, where it is not in the format or holds nothing.
    """
    page = Page(text, url)
    page.check()
    samples, _ = page.samples(page.names, most=None)
    return tuple(sample for sample in samples if math.isfinite(sample.value))


def _parse(line: str) -> Iterator[Sample]:
    """Parse one line: one that is broken is not to cost the others."""
    for family in text_string_to_metric_families(line + "\n"):
        for sample in family.samples:
            yield Sample(sample.name, sample.labels, sample.value)


def _parsed(line: str) -> list[Sample]:
    try:
        return list(_parse(line))
    except (ValueError, IndexError, KeyError):
        return []


def _what(text: str) -> str:
    """Say what a page holds."""
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        return "nothing"
    if start.startswith(("{", "[")):
        return "JSON"
    if start[:1] == "<":
        return "HTML or XML"
    line = start.splitlines()[0]
    return f"text that begins with {line[:SHOWN]!r}"
