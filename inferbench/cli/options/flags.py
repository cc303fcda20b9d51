"""From the fields that the library's errors speak of to the flags that a person has typed, or can type.

The table is that of the options themselves: an option fills the field of its own name, and those that `Fills` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from inferbench.errors import InferbenchError

TYPED = "inferbench.typed"
"""Where a command's context keeps the flags that were typed, under its own names of their options."""


@dataclass(frozen=True, slots=True)
class Fills:
    """Stands beside an option in `Annotated`: the field of the library that it fills, where that has another name."""

    field: str
    flag: str | None = None
    """Name under which the option is known where it fills that field; None: as it was typed, or its first."""


def speak_flags(command: Any, others: Callable[[], Iterable[Any]]) -> None:
    """Have a command and its subcommands raise errors that name flags where the library's name fields.

    others: all commands there are, for an error that sends somebody to another one than theirs.
    """
    subcommands = getattr(command, "commands", None)
    for sub in (subcommands or {}).values():
        speak_flags(sub, others)
    if subcommands is None:
        command.invoke = _speaking(command, others)


def flags_of(command: Any, typed: Mapping[str, str] | None = None) -> dict[str, str]:
    """The flag of each field that a command's options fill: of its names that which was typed, or else the first."""
    hints, found = get_type_hints(command.callback, include_extras=True), dict[str, str]()
    for option in command.params:
        if not option.opts[0].startswith("--"):
            continue
        shown = next((typed[name] for name in option.opts if name in typed), None) if typed else None
        found[option.name] = shown or option.opts[0]
        for fills in getattr(hints.get(option.name), "__metadata__", ()):
            if isinstance(fills, Fills):
                found[fills.field] = shown or fills.flag or option.opts[0]
    return found


def _speaking(command: Any, others: Callable[[], Iterable[Any]]) -> Any:
    invoke = command.invoke

    def speaking(context: Any) -> Any:
        try:
            return invoke(context)
        except InferbenchError as error:
            if error.fields:
                flags = flags_of(command, context.meta.get(TYPED))
                if not flags.keys() >= set(error.fields):
                    flags = _all_flags(others()) | flags
                error.args = (error.told(lambda field: flags.get(field, field)),)
            raise

    return speaking


def _all_flags(commands: Iterable[Any]) -> dict[str, str]:
    found, left = dict[str, str](), list(commands)
    while left:
        command: Any = left.pop()
        left += getattr(command, "commands", {}).values()
        found |= flags_of(command) if command.callback else {}
    return found
