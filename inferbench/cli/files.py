"""Writing a file that somebody asked for by name."""

from __future__ import annotations

from pathlib import Path

from ..domain.errors import UsageError
from ..store.bounded import inside


def write_file(path: Path, content: bytes) -> None:
    """Write a file, making its folder. Raises UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    except ValueError:  # a NUL in it
        raise UsageError(f"{str(path)!r}: is no name of a file") from None


def write_below(folder: Path, name: str, content: bytes) -> Path:
    """Write a file whose name stands in another file, and return its path.

    Raises StoreError where the name leads out of the folder, UsageError where it cannot be written.
    """
    path = inside(folder, name)
    write_file(path, content)
    return path
