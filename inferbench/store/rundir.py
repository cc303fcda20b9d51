"""The run directory: the truth about a run, in files that are whole at any moment."""

from __future__ import annotations

import datetime
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from ..domain.comparison import Conclusion
from ..domain.cost import Cost
from ..domain.files import describe
from ..domain.live import LiveResult
from ..domain.manifest import FORMAT, RunManifest
from ..domain.summary import PointSummary, SweepPoint
from . import layout
from .layout import StoreError

T = TypeVar("T")

DEFAULT_STORE = Path("reports")


class RunDirectory:
    """One run on disk: `<store>/<scenario>/<run_id>/`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, store: Path, scenario: str) -> RunDirectory:
        """Make the directory of a new run. Raises StoreError where the store cannot be written."""
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

    @property
    def run_id(self) -> str:
        """The run's name within its scenario."""
        return self.path.name

    def point(self, point: SweepPoint) -> Path:
        """Directory of a sweep point."""
        return self.path / layout.POINTS / point.key

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all. Raises StoreError where the disk is full."""
        path = self.path / name
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_bytes(content)
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from None

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
        data = self._json(layout.MANIFEST)
        found = data.get("format") if isinstance(data, dict) else None
        if isinstance(found, int) and found > FORMAT:
            raise StoreError(f"{self.path}: format {found} is newer than this inferbench reads ({FORMAT}); update it")
        return self._validated(layout.MANIFEST, data, TypeAdapter(RunManifest))

    def summaries(self) -> tuple[PointSummary, ...]:
        """Read the summaries of all points; empty where the run has none yet."""
        return self._values(layout.SUMMARY, TypeAdapter(tuple[PointSummary, ...]), ())

    def costs(self) -> tuple[Cost, ...]:
        """Read the costs of all points; empty where the run has none."""
        return self._values(layout.COST, TypeAdapter(tuple[Cost, ...]), ())

    def conclusions(self) -> tuple[Conclusion, ...]:
        """Read the conclusions; empty where the run has none."""
        return self._values(layout.VERDICT, TypeAdapter(tuple[Conclusion, ...]), ())

    def live(self) -> LiveResult | None:
        """Read the live leg's result, None where there was none."""
        return self._values(layout.LIVE, TypeAdapter(LiveResult | None), None)

    def checksums(self, below: Path | None = None) -> dict[str, str]:
        """SHA-256 of every file (of one point, where `below` is given), by path relative to the run."""
        files = sorted(p for p in (below or self.path).rglob("*") if p.is_file() and p.name != layout.MANIFEST)
        return {p.relative_to(self.path).as_posix(): sha256(p) for p in files}

    def _json(self, name: str) -> Any:
        path = self.path / name
        try:
            return orjson.loads(path.read_bytes())
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
        except orjson.JSONDecodeError as error:
            raise StoreError(f"{path}: damaged: {error}") from None

    def _values(self, name: str, adapter: TypeAdapter[T], absent: T) -> T:
        if not (self.path / name).exists():
            return absent
        return self._validated(name, self._json(name), adapter)

    def _validated(self, name: str, data: Any, adapter: TypeAdapter[T]) -> T:
        try:
            return adapter.validate_python(data, strict=False)
        except ValidationError as error:
            raise StoreError(f"{self.path / name}: damaged: {describe(error, RunManifest)}") from None


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
