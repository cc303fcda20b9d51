"""Which engines wrote a page, from the names that it holds, in whichever way an exporter has changed them.

Exporters put a word before names (Ray: `ray_`; AMD's exporter: what it is told, often `amd_`) and write `_` for the `:`
that some formats do not allow (Ray, OpenTelemetry, the page that sglang-router makes of its engines').
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


def canonical(name: str) -> str:
    """A name in the form in which names are compared."""
    return name.replace(":", "_")


@dataclass(frozen=True, slots=True)
class Sighting:
    """An engine that was recognised."""

    engine: str
    prefix: str
    """What stands before its names; mostly nothing."""

    def own(self, name: str) -> str | None:
        """The engine's own name, in canonical form, for a name of the page; None where it has another prefix."""
        form = canonical(name)
        return form[len(self.prefix) :] if form.startswith(self.prefix) else None


def sightings(names: Iterable[str], signs: Mapping[str, tuple[str, ...]]) -> tuple[Sighting, ...]:
    """The engines whose signs names bear, in the order of `signs`.

    A sign that ends in `:` or `_` is how names begin, another is a whole name. Where signs of several engines fit, the
    longest is meant (`vllm_router_` rather than `vllm_`). An engine that is met with and without a prefix is read
    without: it would count twice.
    """
    met: dict[str, Counter[str]] = {}
    for name in names:
        for engine, prefix in _met(canonical(name), signs):
            met.setdefault(engine, Counter())[prefix] += 1
    return tuple(
        Sighting(engine, "" if "" in met[engine] else met[engine].most_common(1)[0][0])
        for engine in signs
        if engine in met
    )


def _met(form: str, signs: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    word = form[: form.find("_") + 1]
    for prefix in ("", word) if word else ("",):
        rest = form[len(prefix) :]
        fitting = [
            (len(sign), engine) for engine, own in signs.items() for sign in map(canonical, own) if _fits(rest, sign)
        ]
        if fitting:
            yield max(fitting)[1], prefix
            return


def _fits(name: str, sign: str) -> bool:
    return name.startswith(sign) if sign.endswith("_") else name == sign
