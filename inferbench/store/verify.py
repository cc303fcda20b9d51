"""Whether the files of a run are still those that were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import file_inside, inside
from inferbench.files.whole_files import sha256
from inferbench.records import layout
from inferbench.store.liveness import as_it_is, how_to_go_on
from inferbench.store.manifest import RunManifest, RunState
from inferbench.store.run_directory import RunDirectory


def damage(run: Path, checksums: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the files that have a checksum: one line each, none where all is well."""
    for name, expected in checksums.items():
        try:
            found = sha256(file_inside(run, name))
        except (FileNotFoundError, NotADirectoryError):
            yield f"{name}: missing"
        except StoreError as error:
            yield str(error).removeprefix(f"{run}/").removeprefix(f"{run}: ")
        except OSError as error:
            yield f"{name}: cannot be read: {error.strerror}"
        else:
            if found != expected:
                yield f"{name}: damaged: SHA-256 {found[:12]}, and {expected[:12]} when it was written"


def whole_point(run: RunDirectory, manifest: RunManifest, key: str) -> Path:
    """The directory of a sweep point (`SweepPoint.key`) whose files are still those that were written.

    Raises StoreError where one is not, and where the directory would lie outside of the run.
    """
    latest = [point.checksums for point in manifest.points if point.point.key == key][-1:]
    for problem in (problem for checksums in latest for problem in damage(run.path, checksums)):
        raise StoreError(f"{run.path}: {problem}")
    return inside(run.path, f"{layout.POINTS}/{key}")


def verify(path: Path) -> tuple[str, ...]:
    """What is wrong with a run: damaged, missing or unreadable files. Empty where all is well.

    The manifest has no checksum of its own: it must be readable, and every checksum in it must hold.
    """
    try:
        directory = RunDirectory.open(path)
        manifest = directory.manifest()
    except StoreError as error:
        return (str(error).removeprefix(f"{path}/").removeprefix(f"{path}: "),)
    return (*damage(path, _all_checksums(manifest)), *_unfinished(directory, manifest))


def _all_checksums(manifest: RunManifest) -> dict[str, str]:
    found = dict(manifest.checksums)
    for point in manifest.points:
        found |= point.checksums
    if manifest.scenario_sha256 is not None:
        found[layout.SCENARIO] = manifest.scenario_sha256
    return found


def _unfinished(directory: RunDirectory, manifest: RunManifest) -> Iterator[str]:
    if as_it_is(manifest, directory.path).state is RunState.BROKEN:
        yield f"never ended: {how_to_go_on(manifest, directory.path)}"
