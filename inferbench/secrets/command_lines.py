"""Command lines as they are kept with results: without secrets, and else as they were, so that they can be repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

from inferbench.secrets.names import HARMLESS_HEADERS, is_secret_name
from inferbench.secrets.redact import redact, redact_json
from inferbench.secrets.values import HIDDEN

_HEADERS = frozenset({"--header", "--headers", "--extra-headers", "-H"})
"""Options whose values are request headers."""


def redact_command(arguments: Sequence[str]) -> tuple[str, ...]:
    """Take secrets out of a command line. Arguments without one stay as they are."""
    kept: list[str] = []
    option = ""
    for argument in arguments:
        name, given, value = argument.partition("=")
        if argument.startswith("--") or argument == "-H":
            option = name
            kept.append(f"{name}={_value(name, value)}" if given else argument)
        else:
            kept.append(_value(option, argument))
            option = option if option in _HEADERS else ""
    return tuple(kept)


def _value(option: str, value: str) -> str:
    """What is kept of an option's value, or of an argument of its own."""
    if is_secret_name(option):
        return HIDDEN
    if option in _HEADERS:
        return _header(value)
    if value.lstrip()[:1] in ("{", "["):
        return _json(value)
    return redact(value)


def _header(value: str) -> str:
    name = value.partition("=")[0] if "=" in value else value.partition(":")[0]
    harmless = name.strip().lower() in HARMLESS_HEADERS or name == value
    return redact(value) if harmless else f"{name}{value[len(name)]}{HIDDEN}"


def _json(value: str) -> str:
    try:
        data = json.loads(value)
        clean = redact_json(data)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than anything means
        return redact(value)
    return redact(value if clean == data else json.dumps(clean))


Command = Annotated[tuple[str, ...], AfterValidator(redact_command)]
"""A command line as a file keeps it: one that was written with secrets in it loses them when it is read."""
Kept = Annotated[str, AfterValidator(redact)]
"""A text as a file keeps it."""
