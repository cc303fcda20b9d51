"""What a flag of another load generator is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MANY = -1
"""Takes all words up to the next flag."""


class FlagKind(StrEnum):
    """How a flag is taken."""

    OWN = "own"
    """An option of `inferbench bench` under the same name."""
    SAME = "same"
    """One under another name."""
    BODY = "body"
    """A key of the request's body."""
    NOTHING = "nothing"
    """Taken, and there is nothing to do for it."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ForeignFlag:
    """One flag."""

    name: str
    kind: FlagKind
    says: str = ""
    """OWN and SAME: what else is to be known; NOTHING: why; REFUSED: what to use instead."""
    to: str = ""
    """SAME: the option, or several, of which the last takes the value; BODY: the key."""
    values: int = 1
    """Words that it takes: 0, 1 or MANY."""
    only: tuple[str, ...] = ()
    """Data sets that it is for; it says nothing about others. Empty: all."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Values that are refused, and what to use instead."""
    means: Mapping[str, str] = field(default_factory=dict)
    """The only values that can be taken, and what they are here. Empty: all are, as they are."""


def own(
    name: str, says: str = "", *, only: tuple[str, ...] = (), refuses: Mapping[str, str] | None = None
) -> ForeignFlag:
    """An option of `inferbench bench` has this name and this meaning."""
    return ForeignFlag(name, FlagKind.OWN, says, only=only, refuses=refuses or {})


def same(
    name: str,
    to: str,
    says: str = "",
    *,
    values: int = 1,
    only: tuple[str, ...] = (),
    means: Mapping[str, str] | None = None,
) -> ForeignFlag:
    """The option `to` has this meaning."""
    return ForeignFlag(name, FlagKind.SAME, says, to, values, only, means=means or {})


def body(name: str, says: str = "") -> ForeignFlag:
    """The value goes into the body under the flag's own name."""
    return ForeignFlag(name, FlagKind.BODY, says, name.removeprefix("--").replace("-", "_"))


def nothing(
    name: str,
    why: str,
    *,
    values: int = 0,
    only: tuple[str, ...] = (),
    refuses: Mapping[str, str] | None = None,
    means: Mapping[str, str] | None = None,
) -> ForeignFlag:
    """What it asks for is so anyway."""
    return ForeignFlag(name, FlagKind.NOTHING, why, values=values, only=only, refuses=refuses or {}, means=means or {})


def refused(name: str, instead: str, *, values: int = 1) -> ForeignFlag:
    """It cannot be had here."""
    return ForeignFlag(name, FlagKind.REFUSED, instead, values=values)
