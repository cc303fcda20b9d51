"""What a store holds that no run needs: leftovers of attempts, of writes that broke off, of runs that never began."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from inferbench.errors import StoreError
from inferbench.records import layout
from inferbench.store.manifest import RunState
from inferbench.store.run_directory import RunDirectory
from inferbench.store.storage_backends import DirectoryBackend

OLD_ENOUGH_S = 3600.0
"""What was changed more recently than this may belong to somebody who is writing it."""


@dataclass(frozen=True)
class GarbageItem:
    """Something that can go, and why."""

    path: Path
    reason: str
    size: int
    """Bytes."""

    def remove(self) -> None:
        """Remove it. Raises StoreError where that fails."""
        try:
            shutil.rmtree(self.path) if self.path.is_dir() else self.path.unlink()
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be removed: {error.strerror}") from None


def garbage_of(store: Path, now: float | None = None) -> list[GarbageItem]:
    """What can go from a store without losing anything that was measured by a run that ended.

    Of a complete run: what unfinished attempts left. Of any: files of writes that broke off. Directories without a
    manifest, where they hold no records either. Nothing that was changed within the last hour.
    """
    now = time.time() if now is None else now
    found: list[tuple[Path, str]] = []
    for name in DirectoryBackend(store).names():
        run = store / name
        found += [(part, "a write that broke off") for part in run.rglob("*.part")]
        if not (run / layout.MANIFEST).exists():
            if not any(run.rglob("records.*")):
                found.append((run, "no manifest, and no records"))
        elif (run / layout.ATTEMPTS).is_dir() and _complete(run):
            found.append((run / layout.ATTEMPTS, "unfinished attempts of a complete run"))
    whole = {path for path, reason in found if path.is_dir()}
    return [
        GarbageItem(path, reason, _size(path))
        for path, reason in found
        if now - _changed(path) > OLD_ENOUGH_S and not (whole & set(path.parents))
    ]


def _complete(run: Path) -> bool:
    try:
        return RunDirectory(run).manifest().state is RunState.COMPLETE
    except StoreError:
        return False


def _within(path: Path) -> list[Path]:
    return [path, *path.rglob("*")] if path.is_dir() else [path]


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in _within(path) if p.is_file())


def _changed(path: Path) -> float:
    return max(p.stat().st_mtime for p in _within(path))
