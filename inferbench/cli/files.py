"""Writing a file that somebody asked for by name."""

from __future__ import annotations

from pathlib import Path

from ..domain.errors import UsageError


def write_file(path: Path, content: bytes, append: bool = False) -> None:
    """Write a file or add to it, making its folder. Raises UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab" if append else "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
