"""Writing a file that somebody asked for by name."""

from __future__ import annotations

from pathlib import Path

from inferbench.errors import StoreError, UsageError
from inferbench.files.untrusted_files import inside, need_directory
from inferbench.files.whole_files import write_whole


def write_file(path: Path, content: bytes, append: bool = False) -> None:
    """Write a file, or add to it, whole or not at all, making its folder.

    Raises UsageError where it cannot be written.
    """
    try:
        need_directory(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a pipe, or /dev/stdout
            path.write_bytes(content)
        else:
            before = path.read_bytes() if append and path.exists() else b""
            write_whole(path, before + content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    except StoreError as error:
        raise UsageError(str(error)) from None
    except ValueError:  # a NUL in it
        raise UsageError(f"{str(path)!r}: is no name of a file") from None


def write_below(folder: Path, name: str, content: bytes) -> Path:
    """Write a file whose name stands in another file, and return its path.

    Raises StoreError where the name leads out of the folder, UsageError where it cannot be written.
    """
    path = inside(folder, name)
    write_file(path, content)
    return path
