"""Reading files of a run that somebody else may have written: only what lies in it, and only so much."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePosixPath

from inferbench.errors import StoreError

MIB = 2**20
MAX_DOCUMENT = 64 * MIB
"""Longest JSON file of a run that is read, bytes: a hundred times the longest that was ever written."""

URL_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def need_directory(path: Path) -> None:
    """Check that what is to be written to is no URL: a path made of one is a folder, named after the keys in it.

    Raises StoreError, which does not repeat them.
    """
    scheme = path.parts[0] if path.parts else ""
    if URL_SCHEME.fullmatch(scheme):
        raise StoreError(f"{scheme}//...: is a URL, and a directory is needed here; `inferbench runs push` copies runs")


def inside(root: Path, name: str) -> Path:
    """The path of a file below a directory, by a name out of a file.

    Raises StoreError where the name, or a link on the way, leads out of it.
    """
    pure = PurePosixPath(name)
    if not name or "\0" in name or pure.is_absolute() or ".." in pure.parts:
        raise StoreError(f"{root}: {name!r} is no file in it")
    path = root / pure
    try:
        stays = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links that lead round in a circle
        stays = False
    if not stays:
        raise StoreError(f"{path}: a link that leads out of {root}")
    return path


def file_inside(root: Path, name: str) -> Path:
    """As `inside`, of a file that can be read: neither a pipe nor a device, which have no end.

    Raises FileNotFoundError where there is none.
    """
    path = inside(root, name)
    if not stat.S_ISREG(path.stat().st_mode):
        raise StoreError(f"{path}: is no plain file")
    return path


def read_document(root: Path, name: str, limit: int | None = MAX_DOCUMENT) -> bytes:
    """The content of a file below a directory, of at most `limit` bytes. Raises StoreError where it cannot be read."""
    try:
        path = file_inside(root, name)
        with path.open("rb") as file:
            if limit is not None and (size := os.fstat(file.fileno()).st_size) > limit:
                raise StoreError(too_long(path, size, limit))
            return file.read()
    except OSError as error:
        raise StoreError(f"{root / name}: cannot be read: {error.strerror}") from None


def too_long(file: Path | str, size: int, limit: int) -> str:
    """What is wrong with a file of `size` bytes."""
    return f"{file}: has {size / MIB:,.0f} MiB; at most {limit / MIB:,.0f} are read"
