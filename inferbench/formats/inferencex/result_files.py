"""Which files of a folder hold results, and the JSON documents in them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from inferbench.errors import FileError

SUFFIXES = (".json", ".jsonl", ".csv")
DEPTHS = ("", "*/", "*/*/")
"""Folders in which the runs of a sweep lie: it, one experiment of it, or one of its combinations is imported."""
_LEFT = {
    "summary.json": "they repeat the runs of a sweep",
    "summary.csv": "they repeat the runs of a sweep",
    "warmup.json": "they are the warm-ups of a sweep",
    "failure.json": "they say why a run of a sweep failed",
}
"""Files beside the runs of `vllm bench sweep serve`, by the end of their names."""


def files_of(path: Path) -> tuple[list[Path], Mapping[str, int]]:
    """Return the files to read of a folder, or the file itself; and why others are not read, with their number.

    `vllm bench sweep serve` writes SERVE-..-BENCH-../run=<i>.json, and beside them what repeats them.
    """
    if not path.is_dir():
        return [path], {}
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    runs = [file for depth in DEPTHS for file in path.glob(f"{depth}run=*.json")]
    if not runs:
        return files, {}
    around = {*files, *(file for run in runs for file in run.parent.iterdir() if file.suffix in SUFFIXES)}
    left = Counter(why for file in around if (why := _why_left(file)))
    return sorted(file for file in around if not _why_left(file)), left


def _why_left(file: Path) -> str | None:
    return next((why for end, why in _LEFT.items() if file.name.endswith(end)), None)


def documents(file: Path) -> Iterator[tuple[str, Any]]:
    """Return the JSON documents of a file, each with the words that name it: one, or one a line (`--append-result`).

    In place of a line that is none stands the ValueError that says why. NaN and Infinity, which are no JSON, are read
    as Python writes them. Raises FileError where the file cannot be read, or its first line is no JSON.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise FileError(f"{file}: cannot be read: {error.strerror}") from None
    try:
        yield "", _parsed(raw)
    except ValueError as error:
        yield from _by_line(file, raw, error)


def _by_line(file: Path, raw: bytes, whole: ValueError) -> Iterator[tuple[str, Any]]:
    lines = [(number, line) for number, line in enumerate(raw.splitlines(), 1) if line.strip()]
    if len(lines) < 2:
        raise FileError(f"{file}: {whole}") from None
    for number, line in lines:
        try:
            yield f"line {number} ", _parsed(line)
        except ValueError as error:
            if number == lines[0][0]:
                raise FileError(f"{file}: {error}") from None
            yield f"line {number} ", error


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise ValueError(f"not valid JSON: {error}") from None
