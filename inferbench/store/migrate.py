"""Run directories of older formats, brought up to date as they are read. The files themselves stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from inferbench.errors import StoreError
from inferbench.store.manifest import FORMAT

Migration = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: dict[int, Migration] = {}
"""What turns a manifest of format n into one of n + 1, by n. Who raises FORMAT adds the last step."""


def upgrade(data: Any, run: Path) -> Any:
    """Bring what a manifest file holds to this version's format; what is no manifest is left for validation.

    Raises StoreError for a newer format, and for an older one that no step leads up from.
    """
    found = data.get("format") if isinstance(data, dict) else None
    if not isinstance(found, int) or isinstance(found, bool):
        return data
    if found > FORMAT:
        raise StoreError(f"{run}: format {found} is newer than this inferbench reads ({FORMAT}); update it")
    for step in range(found, FORMAT):
        if step not in MIGRATIONS:
            raise StoreError(
                f"{run}: format {found} is older than this inferbench reads ({FORMAT}); nothing was changed"
            )
        data = {**MIGRATIONS[step](data), "format": step + 1}
    return data
