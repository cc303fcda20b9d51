"""The run directory: the truth about a run, in files that are whole at any moment."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import inside, need_directory, read_document
from inferbench.files.whole_files import sha256, write_whole
from inferbench.files.yaml_values import describe
from inferbench.metrics.summary import PointSummary, SweepPoint
from inferbench.records import layout
from inferbench.store.manifest import RunManifest
from inferbench.store.migrate import upgrade

if TYPE_CHECKING:  # what only scenario runs have: `bench` writes run directories too, and waits for none of these
    from inferbench.audits.report import AuditReport
    from inferbench.comparison.verdict import Conclusion
    from inferbench.evidence.measured_point import MeasuredPoint
    from inferbench.loadgen.health.live_check import LiveResult
    from inferbench.token_cost.cost import Cost

T = TypeVar("T")

DEFAULT_STORE = Path("reports")
LOCK_TRIES, LOCK_PAUSE_S = 50, 0.01


class RunDirectory:
    """One run on disk: `<store>/<scenario>/<run_id>/`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, store: Path, scenario: str) -> RunDirectory:
        """Make the directory of a new run. Raises StoreError where the store cannot be written."""
        need_directory(store)
        now = datetime.datetime.now(datetime.UTC)
        path = store / scenario / f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"{path}: cannot be made: {error.strerror}") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open a run. Raises StoreError where `path` is none."""
        if not (path / layout.MANIFEST).is_file():
            raise StoreError(f"{path}: not a run: it holds no {layout.MANIFEST}")
        return cls(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run as its only writer; the system lets go of it when the process ends, however it ends.

        Raises StoreError where another process holds it. A file system without locks is taken at its word: there,
        nobody else can be told.
        """
        handle = os.open(self.path, os.O_RDONLY)
        try:
            if not _locked(handle):
                raise StoreError(f"{self.path}: another process is writing this run")
            yield
        finally:
            os.close(handle)

    @property
    def run_id(self) -> str:
        """The run's name within its scenario."""
        return self.path.name

    def point(self, point: SweepPoint) -> Path:
        """Directory of a sweep point. Raises StoreError where that would lie outside of the run."""
        return inside(self.path, f"{layout.POINTS}/{point.key}")

    def set_aside(self, point: SweepPoint) -> int:
        """Move what an earlier attempt at a sweep point left out of the way, and return the next attempt's number."""
        aside = self.path / layout.ATTEMPTS
        numbers = [int(p.suffix[1:]) for p in aside.glob(f"{point.key}.*") if p.suffix[1:].isdecimal()]
        attempt = max(numbers, default=0) + 1
        if self.point(point).exists():
            aside.mkdir(exist_ok=True)
            self.point(point).rename(aside / f"{point.key}.{attempt}")
            attempt += 1
        return attempt

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all. Raises StoreError where the disk is full."""
        write_whole(self.path / name, content)

    def write_value(self, name: str, value: BaseModel | Sequence[BaseModel]) -> None:
        """Write values as JSON: the same values give the same bytes."""
        plain = (
            value.model_dump(mode="json")
            if isinstance(value, BaseModel)
            else [v.model_dump(mode="json") for v in value]
        )
        self.write(name, orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    def manifest(self) -> RunManifest:
        """Read the manifest. Raises StoreError where it is damaged or of a newer format."""
        data = upgrade(self._json(layout.MANIFEST), self.path)
        return self._validated(layout.MANIFEST, data, TypeAdapter(RunManifest))

    def summaries(self) -> tuple[PointSummary, ...]:
        """Read the summaries of all points; empty where the run has none yet."""
        return self._values(layout.SUMMARY, TypeAdapter(tuple[PointSummary, ...]), ())

    def costs(self) -> tuple[Cost, ...]:
        """Read the costs of all points; empty where the run has none."""
        from inferbench.token_cost.cost import Cost

        return self._values(layout.COST, TypeAdapter(tuple[Cost, ...]), ())

    def conclusions(self) -> tuple[Conclusion, ...]:
        """Read the conclusions; empty where the run has none."""
        from inferbench.comparison.verdict import Conclusion

        return self._values(layout.VERDICT, TypeAdapter(tuple[Conclusion, ...]), ())

    def measured(self) -> tuple[MeasuredPoint, ...]:
        """Read the published points of an imported run; empty for a run of one's own."""
        from inferbench.evidence.measured_point import MeasuredPoint

        return self._values(layout.MEASURED, TypeAdapter(tuple[MeasuredPoint, ...]), ())

    def audit(self) -> AuditReport | None:
        """Read the audit that an import made, None where there was none."""
        from inferbench.audits.report import AuditReport

        return self._values(layout.AUDIT, TypeAdapter(AuditReport | None), None)

    def live(self) -> LiveResult | None:
        """Read the live leg's result, None where there was none."""
        from inferbench.loadgen.health.live_check import LiveResult

        return self._values(layout.LIVE, TypeAdapter(LiveResult | None), None)

    def checksums(self, below: Path | None = None) -> dict[str, str]:
        """SHA-256 of every file (of one point, where `below` is given), by path relative to the run."""
        files = sorted(p for p in (below or self.path).rglob("*") if p.is_file() and p.name != layout.MANIFEST)
        return {p.relative_to(self.path).as_posix(): sha256(p) for p in files}

    def _json(self, name: str) -> Any:
        return self._parsed(name, read_document(self.path, name))

    def _parsed(self, name: str, content: bytes) -> Any:
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise StoreError(f"{self.path / name}: damaged: {error}") from None

    def _values(self, name: str, adapter: TypeAdapter[T], absent: T) -> T:
        """Read a file of the run, which must still be what its checksum was taken of, where it has one."""
        if not (self.path / name).exists():
            return absent
        content = read_document(self.path, name)
        expected = self._checksum(name)
        if expected is not None and hashlib.sha256(content).hexdigest() != expected:
            raise StoreError(f"{self.path / name}: damaged: its checksum is not the manifest's")
        return self._validated(name, self._parsed(name, content), adapter)

    def _checksum(self, name: str) -> str | None:
        """The checksum of a file, None where the manifest, which is not checked here, has none."""
        if not (self.path / layout.MANIFEST).exists():
            return None
        manifest = self._json(layout.MANIFEST)
        known = manifest.get("checksums") if isinstance(manifest, dict) else None
        return known.get(name) if isinstance(known, dict) else None

    def _validated(self, name: str, data: Any, adapter: TypeAdapter[T]) -> T:
        try:
            return adapter.validate_python(data, strict=False)
        except ValidationError as error:
            raise StoreError(f"{self.path / name}: damaged: {describe(error, RunManifest)}") from None


def _locked(handle: int) -> bool:
    """Lock a directory for one writer; False where another has it. Who only looks lets go of it at once."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
        except OSError:
            return True
        else:
            return True
    return False
