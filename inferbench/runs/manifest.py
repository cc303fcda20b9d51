"""The manifest of a run as it begins and as it ends, whatever kind of run it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Literal

from inferbench.runs.provenance import client_host, pull_request
from inferbench.scenario.caveats import Caveat
from inferbench.store.manifest import FORMAT, BookStamp, PointManifest, RunManifest, RunState
from inferbench.store.run_directory import RunDirectory


def begun(
    directory: RunDirectory,
    kind: Literal["run", "bench", "import"],
    scenario: str,
    seed: int,
    command: Sequence[str],
    *,
    scenario_sha256: str | None = None,
    price_books: tuple[BookStamp, ...] = (),
    unlike_production: Mapping[str, dict[str, tuple[Caveat, ...]]] | None = None,
) -> RunManifest:
    """The manifest of a run that begins now, on this machine. An import belongs to no pull request."""
    return RunManifest(
        format=FORMAT,
        run_id=directory.run_id,
        kind=kind,
        state=RunState.RUNNING,
        scenario=scenario,
        scenario_sha256=scenario_sha256,
        command=tuple(command),
        seed=seed,
        host=client_host(),
        pull_request=None if kind == "import" else pull_request(),
        benchmark_start_time_unix=time.time(),
        benchmark_end_time_unix=None,
        price_books=price_books,
        unlike_production=dict(unlike_production or {}),
    )


def ended(
    manifest: RunManifest,
    points: Sequence[PointManifest],
    checksums: Mapping[str, str],
    *,
    state: RunState = RunState.COMPLETE,
    reason: str | None = None,
    at_unix: float | None = None,
) -> RunManifest:
    """The manifest of a run that has ended at `at_unix`, which is now where it is None.

    points: those that have run, in the run's order; checksums: of the files that it leaves, by path relative to it.
    """
    return manifest.model_copy(
        update={
            "state": state,
            "reason": reason,
            "benchmark_end_time_unix": time.time() if at_unix is None else at_unix,
            "points": tuple(points),
            "checksums": dict(checksums),
        }
    )
