"""A store as a whole: listing its runs, asking it questions, checking it, moving runs between stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.records import layout
from inferbench.store.garbage import GarbageItem, garbage_of
from inferbench.store.index import Index, refresh
from inferbench.store.query import query
from inferbench.store.run_directory import DEFAULT_STORE, RunDirectory
from inferbench.store.storage_backends import DirectoryBackend, open_backend, pull, push
from inferbench.store.verify import verify

LISTED = (
    "name", "scenario", "run_id", "kind", "state", "reason", "began_unix", "seed", "simulated", "n_points", "n_invalid",
)  # fmt: skip
"""What a listing reads of the index."""


def list_runs(store: str | Path = DEFAULT_STORE, *, rebuild: bool = False) -> tuple[list[dict[str, Any]], Index]:
    """The runs of a store, by name, and the index that they were read from.

    `store` is a directory or an object store's URL. `rebuild` opens every run instead of trusting the index.
    """
    index = refresh(open_backend(store), rebuild=rebuild, columns=LISTED)
    return index.table.select(LISTED).to_pylist(), index


def query_runs(sql: str, store: str | Path = DEFAULT_STORE) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Answer SQL over the tables `runs` and `points`: column names, then rows. Raises UsageError where it cannot."""
    return query(refresh(open_backend(store)).table, sql)


def find_run(name: str, store: str | Path = DEFAULT_STORE) -> str:
    """The name `<scenario>/<run_id>` of a run, given that or its run_id. Raises UsageError where none is meant."""
    names = open_backend(store).names()
    found = [n for n in names if name in (n, n.split("/")[1])]
    if len(found) != 1:
        raise UsageError(
            f"{store}: {unknown('run', name, names[-20:])}" if not found else f"{name}: {', '.join(found)}"
        )
    return found[0]


def verify_runs(store: str | Path, names: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Check runs, all of the store where none is named: each with what is wrong with it."""
    for name in [find_run(name, store) for name in names] or DirectoryBackend(_directory(store)).names():
        yield name, verify(_directory(store) / name)


def collect(store: str | Path, *, delete: bool) -> list[GarbageItem]:
    """What can go from a store; with `delete` it has gone."""
    found = garbage_of(_directory(store))
    if delete:
        for sweeping in found:
            sweeping.remove()
    return found


def _directory(store: str | Path) -> Path:
    if "://" in str(store):
        raise UsageError(
            f"{store}: only a store in a directory can be checked or cleaned; `runs pull` copies a run there"
        )
    return Path(store)


def push_run(run: str | Path, store: str) -> str:
    """Copy a run to another store, its manifest last, and return its name there."""
    return push(RunDirectory.open(Path(run)).path, open_backend(store))


def pull_run(name: str, store: str, into: str | Path = DEFAULT_STORE) -> Path:
    """Copy a run from another store into a directory and return its path."""
    return pull(find_run(name, store), open_backend(store), Path(into))


NEEDED = (layout.SCENARIO, layout.SUMMARY, layout.MANIFEST)
"""Files that a verdict on a run needs."""


def remote_runs(url: str) -> list[str]:
    """URLs of the runs that a URL of an object store means: a store, one scenario in it, or one run.

    Raises UsageError where it holds none.
    """
    base, _, options = url.partition("?")
    base = base.rstrip("/")
    if open_backend(url).stamp(layout.MANIFEST) is not None:
        return [_url(base, options)]
    if names := open_backend(url).names():
        return [_url(f"{base}/{name}", options) for name in names]
    root, _, scenario = base.rpartition("/")
    names = (
        [n for n in open_backend(_url(root, options)).names() if n.startswith(f"{scenario}/")] if "//" in root else []
    )
    if not names:
        raise UsageError(f"{base}: holds no runs")
    return [_url(f"{root}/{name}", options) for name in names]


def fetch_run(url: str, into: Path) -> Path:
    """Copy what a verdict needs of a run from its URL into a directory, and return the run's path there."""
    base, _, options = url.partition("?")
    root, scenario, run_id = base.rsplit("/", 2)
    return pull(f"{scenario}/{run_id}", open_backend(_url(root, options)), into, NEEDED)


def _url(base: str, options: str) -> str:
    return f"{base}?{options}" if options else base
