"""Options that belong together: declared once, as a frozen dataclass, and taken by whichever commands need them.

A field of a group is an option, `Annotated[type, typer.Option(...)]`, with its default. A group that extends another
has its options after the other's, and may change defaults.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, TypeVar, get_type_hints

ResultT = TypeVar("ResultT")


def grouped(command: Callable[..., ResultT]) -> Callable[..., ResultT]:
    """Have a command take the options of each group among its parameters, in the place of that parameter."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @wraps(command)
    def taking(**given: Any) -> ResultT:
        made = {name: group(**{f.name: given.pop(f.name) for f in fields(group)}) for name, group in groups.items()}
        return command(**given, **made)

    options = [
        option
        for parameter in inspect.signature(command).parameters.values()
        for option in _options(parameter, hints[parameter.name])
    ]
    signature = inspect.Signature(options, return_annotation=hints["return"])
    taking.__annotations__ = {option.name: option.annotation for option in options} | {"return": hints["return"]}
    taking.__dict__["__signature__"] = signature
    return taking


def given(*groups: Any) -> dict[str, object]:
    """The options of groups that are None where nobody gives them, with their values."""
    return {f.name: getattr(group, f.name) for group in groups for f in fields(group) if f.default is None}


def _options(parameter: inspect.Parameter, hint: Any) -> Iterator[inspect.Parameter]:
    """What a parameter comes to: itself, or the options of its group."""
    if not is_dataclass(hint):
        yield parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY)
        return
    hints = get_type_hints(hint, include_extras=True)
    for field in fields(hint):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )
