"""Going on with a run that was cut short, and making an old run again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from inferbench.errors import FieldName, IncomparableError, StoreError, UsageError
from inferbench.files.spelling import unknown
from inferbench.files.whole_files import sha256
from inferbench.records import layout
from inferbench.runs.opened_run import Run, open_run, with_seed
from inferbench.runs.provenance import book_stamps, twin_parameters_sha256
from inferbench.runs.recorder import Kept, Recorder
from inferbench.runs.scenario_run import carry_out, run, silent
from inferbench.runs.sweep import OnProgress, jobs, run_jobs
from inferbench.scenario.read_scenario import load_scenario, price_books
from inferbench.scenario.scenario import Scenario
from inferbench.store.manifest import RunManifest, RunState
from inferbench.store.run_directory import DEFAULT_STORE, RunDirectory
from inferbench.store.verify import damage

KEYS = ("twin_parameters", "price_books")
"""What may have changed since a run, and changes its results."""


def resume(
    path: str | Path,
    *,
    live: bool = True,
    workers: int | None = None,
    on_progress: OnProgress = silent,
    allow_different: Collection[str] = (),
) -> Run:
    """Go on with a run at the sweep point that it had reached, whether it was interrupted, killed or ran out of disk.

    `path` is the run's directory; `live`, `workers` and `on_progress` are as in `run`. A point counts as done where the
    manifest lists it and its files still match their checksums. What an unfinished attempt left goes to `attempts/` and
    is never counted. `allow_different` names what may have changed since: "twin_parameters", "price_books".
    Raises UsageError for a run that is complete or ad hoc, StoreError where another process is writing it,
    IncomparableError where something else that makes its numbers has changed.
    """
    directory = open_run(path).directory
    with directory.lock():
        manifest = directory.manifest()
        if manifest.kind != "run":
            raise UsageError(f"{path}: an ad-hoc run keeps no scenario to go on with")
        if manifest.attachments:
            raise UsageError(
                f"{path}: was measured on real deployments: give the ", FieldName("base_url"),
                " of one to go on with it",
            )  # fmt: skip
        if manifest.state is RunState.COMPLETE:
            raise UsageError(f"{path}: is complete: there is nothing to go on with")
        spec = scenario_of(directory, manifest)
        refuse_changes(manifest, spec, allow_different)
        kept = kept_points(directory, manifest)
        left = jobs(spec, directory.point, kept)
        attempts = {job.point.key: directory.set_aside(job.point) for job in left}
        recorder = Recorder(spec, directory, going_on(manifest), kept, attempts)
        outcomes = run_jobs(left, workers, on_progress)
        return carry_out(spec, directory, recorder, outcomes, live=live, on_progress=on_progress)


def going_on(manifest: RunManifest) -> RunManifest:
    """The manifest of an old run that goes on: its own files are about to change."""
    return manifest.model_copy(update={"state": RunState.RUNNING, "reason": None, "checksums": {}})


def run_from_manifest(
    path: str | Path,
    *,
    store: str | Path = DEFAULT_STORE,
    live: bool = True,
    workers: int | None = None,
    on_progress: OnProgress = silent,
    command: Sequence[str] = (),
    allow_different: Collection[str] = (),
) -> Run:
    """Make an old run again: its scenario as it was, its seed. On the twin the results are byte-identical.

    Raises IncomparableError, naming them, where the twin's parameters or a price book have changed since.
    """
    old = open_run(path)
    if old.manifest.kind != "run":
        raise UsageError(f"{path}: an ad-hoc run keeps no scenario to make again")
    if old.manifest.attachments:
        raise UsageError(f"{path}: was measured on real deployments, which cannot be made again from a manifest")
    refuse_changes(old.manifest, scenario_of(old.directory, old.manifest), allow_different)
    return run(
        old.path / layout.SCENARIO,
        store=store,
        live=live,
        workers=workers,
        on_progress=on_progress,
        command=command,
        seed=old.manifest.seed,
    )


def scenario_of(directory: RunDirectory, manifest: RunManifest) -> Scenario:
    """The scenario of an old run. Raises StoreError where it is missing or was changed since."""
    path = directory.path / layout.SCENARIO
    if not path.is_file():
        raise StoreError(f"{path}: missing: without it nobody knows what was to run")
    if sha256(path) != manifest.scenario_sha256:
        raise StoreError(f"{path}: changed since the run began: its checksum is not the manifest's")
    return with_seed(load_scenario(path), manifest.seed)


def kept_points(directory: RunDirectory, manifest: RunManifest) -> Kept:
    """The points that are done and whole."""
    summaries = {summary.point.key: summary for summary in directory.summaries() if not summary.partial}
    return {
        entry.point.key: (summaries[entry.point.key], entry)
        for entry in manifest.points
        if entry.point.key in summaries and not any(damage(directory.path, entry.checksums))
    }


def refuse_changes(manifest: RunManifest, spec: Scenario, allowed: Collection[str]) -> None:
    """Raise IncomparableError where what makes a run's numbers has changed, but for the keys in `allowed`."""
    for name in allowed:
        if name not in KEYS:
            raise UsageError(unknown("key to allow a difference in", name, KEYS))
    found = {key: change for key, change in changed_since(manifest, spec).items() if key not in allowed}
    if found:
        listed = "; ".join(f"{key}: {then} then, {now} now" for key, (then, now) in found.items())
        raise IncomparableError(f"{manifest.run_id}: its results would not come out again: {listed}")


def changed_since(manifest: RunManifest, spec: Scenario) -> Mapping[str, tuple[str, str]]:
    """What makes a run's numbers and is no longer the same: the values then and now, by key."""
    changed = {}
    used = sorted({p.target.twin_parameters or "none" for p in manifest.points if p.target.kind == "twin"})
    now = twin_parameters_sha256()
    if used and used != [now]:
        changed["twin_parameters"] = ", ".join(checksum[:12] for checksum in used), now[:12]
    then_books = {stamp.name: stamp.sha256[:12] for stamp in manifest.price_books}
    now_books = {stamp.name: stamp.sha256[:12] for stamp in book_stamps(spec.price_books, price_books(spec))}
    if unlike := [name for name in now_books if then_books.get(name) != now_books[name]]:
        before, after = (", ".join(f"{n} {b.get(n, 'none')}" for n in unlike) for b in (then_books, now_books))
        changed["price_books"] = before, after
    return changed
