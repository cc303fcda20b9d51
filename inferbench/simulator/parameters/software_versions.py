"""Software of earlier times: factors on the pass times of today's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import Kind, SoftwareVersions

SoftwareName = str | None | tuple[str | None, str | None]
"""Name of earlier software in the parameters; None: today's; two: half-way between them, where the median over an even
number of runs lies."""


@dataclass(frozen=True, slots=True)
class VersionPace:
    """How much longer passes take than with today's software."""

    decode: Real
    prefill: Real
    dated: bool
    """Whether this is the software of one earlier time."""


def pace(eras: Iterable[SoftwareVersions], name: SoftwareName, kind: Kind) -> VersionPace:
    """Return the factors of `name` for decode workers of a kind: geometric means where it names two times."""
    known = {software.name: software for software in eras}
    names = name if isinstance(name, tuple) else (name,)
    found = [known[own] for own in names if own in known]
    decode: Real = 1.0
    prefill: Real = 1.0
    for software in found:
        decode = decode * (software.decode * getattr(software.kinds, kind)) ** (1 / len(names))
        prefill = prefill * software.prefill ** (1 / len(names))
    return VersionPace(decode, prefill, dated=len(names) == 1 and any(software.until is not None for software in found))
