"""Reading InferenceX's files: one file or all in a folder, row by row. A bad row is named by number and left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inferbench.errors import FileError
from inferbench.evidence.measured_point import MeasuredPoint
from inferbench.files.csv_cells import read_table
from inferbench.files.yaml_values import describe
from inferbench.formats.inferencex.result_files import documents, files_of
from inferbench.formats.inferencex.row import Row, point_of
from inferbench.formats.vllm import read_result

DEFAULT_MODEL = "deepseek-r1-0528"
"""The only model of the CSV export, which has no column for it."""
_CSV_NAMES = {
    "prefill_dp_attn": "prefill_dp_attention",
    "decode_dp_attn": "decode_dp_attention",
    "prefill_workers": "prefill_num_workers",
    "decode_workers": "decode_num_workers",
    "interactivity_median": "median_intvty",
}
GROUPS = 5
"""How deep groups of rows may lie in each other."""
INVALID_MARKS = ("interpolated_not_measured",)
"""Rows that are no measurement at all."""


@dataclass(frozen=True)
class Imported:
    """What was read, and what was left out or assumed on the way."""

    points: tuple[MeasuredPoint, ...]
    notes: tuple[str, ...]


def read_inferencex(path: Path, said: Mapping[str, str] | None = None) -> Imported:
    """Read a file, or every .json, .jsonl and .csv of a folder; of a sweep of vLLM's, the runs in its folders.

    `said` is what a client's own result does not say: gpu, gpus, framework, precision. Raises FileError where nothing
    can be read at all.
    """
    files, repeated = files_of(path)
    points: list[MeasuredPoint] = []
    notes = [f"{path.name}: {count} files left out: {why}" for why, count in repeated.items()]
    for file in files:
        name = file.relative_to(path) if path.is_dir() else file.name
        for where, row in _rows(file):
            try:
                point = _point(row, file, said or {})
            except (ValueError, TypeError, KeyError) as error:
                notes.append(f"{name}: {where} left out: {_why(error)}")
                continue
            if any(mark in INVALID_MARKS for mark in point.marks):
                notes.append(f"{name}: {where} left out: interpolated, not measured")
            else:
                points.append(point)
    if not points:
        raise FileError(f"{path}: no row can be used{f'; {notes[0]}' if notes else ': no .json or .csv file'}")
    return Imported(tuple(read_result.of_one_load(points)), tuple(notes))


def _why(error: Exception) -> str:
    """One line for a row that cannot be used."""
    return describe(error, MeasuredPoint) if isinstance(error, ValidationError) else str(error)


def _point(row: Row | ValueError, file: Path, said: Mapping[str, str]) -> MeasuredPoint:
    if isinstance(row, ValueError):
        raise row
    return read_result.client_point(row, said) if read_result.KEY in row else _aggregated(row, file)


def _aggregated(row: Row, file: Path) -> MeasuredPoint:
    return point_of(row, None if row.get("model") else DEFAULT_MODEL if file.suffix == ".csv" else None)


def _rows(file: Path) -> Iterator[tuple[str, Row | ValueError]]:
    """Every row with the words that name it, or why there is none."""
    if file.suffix == ".csv":
        yield from _csv_rows(file)
        return
    for lead, data in documents(file):
        if isinstance(data, ValueError):
            yield lead.strip(), data
            continue
        for where, row in _json_rows(data, lead):
            yield where, row if isinstance(row, dict) else ValueError("is no row of figures")


def _csv_rows(file: Path) -> Iterator[tuple[str, Row]]:
    for number, (_, row) in enumerate(read_table(file), 1):
        yield f"row {number}", {_csv_name(name): cell for name, cell in row.items()}


def _csv_name(name: str) -> str:
    if name in _CSV_NAMES:
        return _CSV_NAMES[name]
    return name.removesuffix("_s") if name.startswith(("mean_", "median_", "p90_", "p99_")) else name


def _json_rows(data: Any, lead: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """A list of rows, one row, `rows` with what they have in `common`, or groups of these by name."""
    if isinstance(data, list):
        yield from ((f"{lead}row {number}", row) for number, row in enumerate(data, 1))
    elif isinstance(data, dict) and isinstance(data.get("rows"), list):
        common = data["common"] if isinstance(data.get("common"), dict) else {}
        yield from (
            (f"{lead}row {number}", {**common, **row} if isinstance(row, dict) else row)
            for number, row in enumerate(data["rows"], 1)
        )
    elif isinstance(data, dict) and isinstance(data.get("row"), dict):
        yield f"{lead}row 1", data["row"]
    elif isinstance(data, dict) and not ({"hw", "hardware", read_result.KEY} & set(data)):
        for name, group in data.items():
            if isinstance(group, (dict, list)) and depth < GROUPS:
                yield from _json_rows(group, f"{lead}{name} ", depth + 1)
    else:
        yield f"{lead}row 1", data
