"""Paths are of this machine: a URL where one is asked for would become a directory, named by whatever is in it."""

from __future__ import annotations

import re
from functools import wraps
from pathlib import Path
from typing import Any

from inferbench.errors import UsageError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""What a URL begins with; a drive of Windows has one letter."""


def refuse_urls(command: Any) -> None:
    """Have a command and its subcommands raise UsageError where a path that was given is the address of something."""
    if command.callback is not None:
        command.callback = _checked(command.callback, {param.name: param for param in command.params})
    for sub in getattr(command, "commands", {}).values():
        refuse_urls(sub)


def _checked(callback: Any, params: dict[str, Any]) -> Any:
    @wraps(callback)
    def checked(**given: Any) -> Any:
        for name, value in given.items():
            for path in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(path, Path) and len(path.parts) > 1 and _SCHEME.fullmatch(path.parts[0]):
                    option = next((o for o in params[name].opts if o.startswith("-")), name.upper())
                    raise UsageError(
                        f"{option} is a path of this machine, and no URL ({path.parts[0]}//...); "
                        "`inferbench runs push` and `inferbench runs pull` copy runs to and from an object store"
                    )
        return callback(**given)

    return checked
