"""Files that are whole at any moment, and their checksums."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from inferbench.errors import StoreError

if TYPE_CHECKING:  # what only scenario runs have: `bench` writes run directories too, and waits for none of these
    pass


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it and whenever the power goes.

    Raises StoreError where the disk is full or the place cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
