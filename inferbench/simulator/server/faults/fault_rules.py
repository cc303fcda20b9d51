"""Faults on request: what goes wrong with real servers, so that clients and routers can be seen to bear it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inferbench.errors import FieldName, UsageError
from inferbench.files.spelling import unknown
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.engine.noise import ScaledTransfer

FORMS = {
    "overload": "overload:REQUESTS",
    "cut": "cut:TOKENS[,EVERY]",
    "stall": "stall:TOKENS,SECONDS[,EVERY]",
    "slow-kv": "slow-kv:FACTOR",
    "dead-decode": "dead-decode:SECONDS",
}
"""Each kind, and how it is written."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A stream breaks off once it has sent `tokens`, in one request of `every`."""

    tokens: int
    every: int


@dataclass(frozen=True, slots=True)
class Stall:
    """A stream that has sent `tokens` sends nothing for `seconds`, in one request of `every`."""

    tokens: int
    seconds: float
    every: int


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong; times are those of the twin."""

    overload: int | None = None
    """Requests that are open at once, beyond which others get a 503."""
    cut: Cut | None = None
    stall: Stall | None = None
    slow_kv: float | None = None
    """How many times as long a KV transfer takes."""
    dead_after_s: float | None = None
    """From the first request on until the decode worker is gone."""


def slowed(cluster: Cluster, faults: Faults) -> Cluster:
    """Return the cluster with its KV transfers as slow as asked for."""
    return (
        cluster
        if faults.slow_kv is None
        else replace(cluster, transfer=ScaledTransfer(cluster.transfer, faults.slow_kv))
    )


def parse_faults(texts: Sequence[str]) -> Faults:
    """Read faults as they are written on the command line. Raises UsageError; the last of a kind counts."""
    faults = Faults()
    for text in texts:
        kind, _, arguments = text.partition(":")
        if kind not in FORMS:
            raise UsageError(FieldName("fault"), f": {unknown('fault', kind, FORMS)}")
        try:
            faults = _with(faults, kind, arguments.split(","))
        except ValueError:
            raise UsageError(FieldName("fault"), f" {text}: write {FORMS[kind]}, with numbers above 0") from None
    return faults


def _with(faults: Faults, kind: str, arguments: list[str]) -> Faults:
    if kind == "overload":
        (requests,) = arguments
        return replace(faults, overload=_count(requests))
    if kind == "cut":
        tokens, every = arguments if len(arguments) == 2 else (*arguments, "1")
        return replace(faults, cut=Cut(_count(tokens), _count(every)))
    if kind == "stall":
        tokens, seconds, every = arguments if len(arguments) == 3 else (*arguments, "1")
        return replace(faults, stall=Stall(_count(tokens, least=0), _positive(seconds), _count(every)))
    (number,) = arguments
    if kind == "slow-kv":
        return replace(faults, slow_kv=_positive(number))
    return replace(faults, dead_after_s=_positive(number))


def _count(text: str, least: int = 1) -> int:
    number = int(text)
    if number < least:
        raise ValueError(text)
    return number


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number
