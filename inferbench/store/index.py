"""The index of a store: one Parquet file with a row per run, made from the run directories and never the truth.

Listing reads it and the names of the directories. Only runs that it does not know, or that had not ended when it was
written, are opened. Two writers at once may lose each other's rows; the next listing finds them again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import MAX_DOCUMENT, file_inside
from inferbench.metrics.summary import Origin, PointSummary
from inferbench.records import layout
from inferbench.records.parquet import read_whole
from inferbench.secrets.redact import excerpt
from inferbench.store.index_points import POINT, point_rows
from inferbench.store.liveness import as_it_is, is_held
from inferbench.store.manifest import RunManifest, RunState
from inferbench.store.migrate import upgrade
from inferbench.store.storage_backends import DirectoryBackend, StorageBackend

INDEX_FILE = layout.INDEX
VERSION = b"4"
"""Of the index's columns; an index of another version is made anew."""
_KEY = b"inferbench.index"
BROKEN = RunState.BROKEN.value
"""State of a directory that is no readable run, or of a run that was killed."""

COLUMNS = pa.schema(
    [
        ("name", pa.string()), ("scenario", pa.string()), ("run_id", pa.string()), ("kind", pa.string()),
        ("state", pa.string()), ("reason", pa.string()), ("began_unix", pa.float64()), ("ended_unix", pa.float64()),
        ("seed", pa.int64()), ("simulated", pa.bool_()), ("n_points", pa.int64()), ("n_invalid", pa.int64()),
        ("inferbench", pa.string()),
        ("platform", pa.string()), ("scenario_sha256", pa.string()), ("manifest_ns", pa.int64()),
        ("points", pa.list_(POINT)),
    ],
    metadata={_KEY: VERSION},
)  # fmt: skip

_SUMMARIES = TypeAdapter(tuple[PointSummary, ...])


@dataclass(frozen=True, eq=False)
class Index:
    """The runs of a store, and what was learnt while they were looked up."""

    table: pa.Table
    """Columns as COLUMNS, or those that were asked for; sorted by name."""
    opened: int
    """Runs whose directories were opened."""
    notes: tuple[str, ...] = ()
    """What a person should know: an index that had to be made anew, or could not be written."""


def refresh(backend: StorageBackend, *, rebuild: bool = False, columns: Sequence[str] | None = None) -> Index:
    """Bring the index up to date and return it, with all columns or some; `rebuild` opens every run.

    A damaged index, or one of another version, is made anew. Where the store cannot be written the index is still
    returned, with a note.
    """
    names = backend.names()
    known, notes = (None, ()) if rebuild else _read(backend, columns)
    settled = _settled(backend, known, set(names)) if known is not None else set()
    missing = [name for name in names if name not in settled]
    if known is not None and not missing and len(settled) == known.num_rows:
        return Index(known, 0, notes)
    whole, more = _read(backend, None) if known is not None and columns is not None else (known, ())
    rows = [row for name in missing if (row := row_of(backend, name))]
    kept = (
        [whole.filter(pa.array([n in settled for n in whole["name"].to_pylist()], pa.bool_()))]
        if whole is not None
        else []
    )
    table = pa.concat_tables([*kept, pa.Table.from_pylist(rows, schema=COLUMNS)]).sort_by("name")
    notes = (*notes, *more, *_write(backend, table))
    return Index(table.select(columns) if columns is not None else table, len(missing), notes)


def _settled(backend: StorageBackend, known: pa.Table, there: set[str]) -> set[str]:
    """Names whose rows still hold: they are complete, or their manifests are as they were and go on if they say so."""
    rows = zip(*(known[c].to_pylist() for c in ("name", "state", "manifest_ns")), strict=True)
    return {
        name
        for name, state, manifest_ns in rows
        if name in there
        and (state == RunState.COMPLETE or backend.stamp(f"{name}/{layout.MANIFEST}") == manifest_ns)
        and not (
            state == RunState.RUNNING and isinstance(backend, DirectoryBackend) and not is_held(backend.path / name)
        )
    }


def _read(backend: StorageBackend, columns: Sequence[str] | None) -> tuple[pa.Table | None, tuple[str, ...]]:
    """The index as it was written, None where there is none that can be used."""
    source: Any
    wanted = None if columns is None else list(dict.fromkeys([*columns, "name", "state", "manifest_ns"]))
    try:
        if isinstance(backend, DirectoryBackend):
            path = backend.path / INDEX_FILE
            if not path.exists():
                return None, ()
            source, size = file_inside(backend.path, INDEX_FILE), path.stat().st_size
        elif (content := backend.read(INDEX_FILE)) is not None:
            source, size = io.BytesIO(content), len(content)
        else:
            return None, ()
        if (pq.read_schema(source).metadata or {}).get(_KEY) != VERSION:
            return None, ("the index was of another version, and has been made anew",)
        return read_whole(source, INDEX_FILE, size, wanted), ()
    except (OSError, pa.ArrowException, KeyError, StoreError) as error:
        return None, (f"the index was damaged and has been made anew: {excerpt(str(error), 120)}",)


def _write(backend: StorageBackend, table: pa.Table) -> tuple[str, ...]:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    try:
        backend.write(INDEX_FILE, buffer.getvalue())
    except StoreError as error:
        return (f"the index could not be kept: {error}",)
    return ()


def row_of(backend: StorageBackend, name: str) -> dict[str, Any]:
    """A run's row, from its manifest and its summaries; state BROKEN, with the reason, where they cannot be read."""
    scenario, run_id = name.split("/")
    stamp = backend.stamp(f"{name}/{layout.MANIFEST}")
    try:
        row = _row(backend, name) | {"manifest_ns": stamp}
        pa.Table.from_pylist([row], schema=COLUMNS)
    except StoreError as error:
        reason = str(error)
    except (OverflowError, pa.ArrowException) as error:  # one run must not keep all others from being listed
        reason = f"a number in it is larger than any that is kept: {_first_line(error)}"
    else:
        return row
    return {
        "name": name, "scenario": scenario, "run_id": run_id, "state": BROKEN, "reason": reason,
        "n_points": 0, "n_invalid": 0, "points": [], "manifest_ns": stamp,
    }  # fmt: skip


def _row(backend: StorageBackend, name: str) -> dict[str, Any]:
    manifest = _manifest(backend, name)
    summaries = _summaries(backend, name, manifest.checksums.get(layout.SUMMARY))
    return {
        "name": name,
        "scenario": manifest.scenario,
        "run_id": manifest.run_id,
        "kind": manifest.kind,
        "state": manifest.state.value,
        "reason": manifest.reason,
        "began_unix": manifest.benchmark_start_time_unix,
        "ended_unix": manifest.benchmark_end_time_unix,
        "seed": manifest.seed,
        "simulated": any(s.origin is Origin.SIMULATED for s in summaries),
        "n_points": len(summaries),
        "n_invalid": sum(s.client is not None and not s.client.valid for s in summaries),
        "inferbench": manifest.host.inferbench,
        "platform": manifest.host.platform,
        "scenario_sha256": manifest.scenario_sha256,
        "points": point_rows(manifest, summaries, backend.read(f"{name}/{layout.SCENARIO}", MAX_DOCUMENT)),
    }


def _manifest(backend: StorageBackend, name: str) -> RunManifest:
    content = backend.read(f"{name}/{layout.MANIFEST}", MAX_DOCUMENT)
    if content is None:
        raise StoreError(f"half-written: it holds no {layout.MANIFEST}")
    try:
        found = TypeAdapter(RunManifest).validate_python(upgrade(orjson.loads(content), Path(name)), strict=False)
        return as_it_is(found, backend.path / name) if isinstance(backend, DirectoryBackend) else found
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise StoreError(f"{layout.MANIFEST}: damaged: {_first_line(error)}") from None


def _summaries(backend: StorageBackend, name: str, expected: str | None) -> tuple[PointSummary, ...]:
    content = backend.read(f"{name}/{layout.SUMMARY}", MAX_DOCUMENT)
    if content is None:
        return ()
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise StoreError(f"{layout.SUMMARY}: damaged: its checksum is not the manifest's")
    try:
        return _SUMMARIES.validate_json(content)
    except ValidationError as error:
        raise StoreError(f"{layout.SUMMARY}: damaged: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return excerpt(str(error), 160)
