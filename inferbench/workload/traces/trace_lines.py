"""Files of traces as lines of text, compressed or not, with a bound on all that could be without end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import orjson

from inferbench.errors import FileError
from inferbench.workload.traces.trace_request import BadLines

MOST = 64 << 20
"""Characters of the longest line, or of a single JSON value: what has no end by then is no trace."""

_PACKED: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda raw: cast(IO[bytes], gzip.GzipFile(fileobj=raw)),
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}
_OTHERS = {
    b"PAR1": "a Parquet file; write it as JSON lines or CSV",
    b"PK\x03\x04": "a zip archive; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it, or use gzip, xz or bzip2",
    b"\xff\xfe": "UTF-16; write it as UTF-8",
    b"\xfe\xff": "UTF-16; write it as UTF-8",
}
"""What files begin with that are no text, and what can be done."""

ValueT = TypeVar("ValueT")


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open a file as text, unpacking gzip, xz and bzip2 by what it begins with.

    Raises FileError where it cannot be read, also later while it is; bytes that are no UTF-8 are replaced.
    """
    try:
        with path.open("rb") as raw, _as_text(path, raw) as file:
            yield file
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise FileError(f"{path}: cannot be unpacked: {error}") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from None


def _as_text(path: Path, raw: io.BufferedReader) -> IO[str]:
    begins = raw.peek(8)[:8]
    for mark, what in _OTHERS.items():
        if begins.startswith(mark):
            raise FileError(f"{path}: is {what}")
    unpack = next((unpack for mark, unpack in _PACKED.items() if begins.startswith(mark)), None)
    return io.TextIOWrapper(unpack(raw) if unpack else raw, encoding="utf-8-sig", errors="replace", newline="")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers. Raises FileError as `opened` does, and for a line without end."""
    with opened(path) as file:
        number = 0
        while line := file.readline(MOST + 1):
            number += 1
            if len(line) > MOST:
                raise FileError(f"{path}:{number}: is a line of more than {MOST:,} characters")
            if line.strip():
                yield number, line


def json_lines(path: Path, bad: BadLines, read: Callable[[int, dict[str, Any]], ValueT]) -> Iterator[ValueT]:
    """Read a file of JSON objects, one a line. `read` raises ValueError for a line that cannot be used.

    Raises FileError as `lines` does, and where a line is bad and `bad` is strict.
    """
    for number, line in lines(path):
        try:
            value = read(number, _object(line))
        except ValueError as error:
            bad.add(number, error)
        else:
            yield value


def _object(line: str) -> dict[str, Any]:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(entry, dict):
        raise ValueError("is no JSON object")
    return entry
