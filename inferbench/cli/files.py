"""Writing a file that somebody asked for by name."""

from __future__ import annotations

from pathlib import Path

from ..domain.errors import UsageError


def write_file(path: Path, content: bytes) -> None:
    """Write a file, making its folder. Raises UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
