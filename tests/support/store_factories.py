"""Run directories for tests, written as a run writes them but without a load."""

from __future__ import annotations

from pathlib import Path

from inferbench.files.whole_files import sha256
from inferbench.records import layout
from inferbench.store.manifest import RunManifest, RunState
from inferbench.store.run_directory import RunDirectory
from tests.support.factories import point_manifest, point_summary, run_manifest, sweep_point

NOISE = (0.999, 1.001, 1.0, 0.9995, 1.0005)


def write_run(
    store: Path,
    run_id: str,
    *,
    scenario: str = "s",
    tput: float = 1.0,
    seed: int = 0,
    began: float = 0.0,
    state: RunState = RunState.COMPLETE,
    invalid: str | None = None,
    **manifest: object,
) -> RunDirectory:
    """A run of two sweep points with a small file of records each; its throughput is `tput` times the ordinary."""
    directory = RunDirectory(store / scenario / run_id)
    points = (sweep_point(concurrency=8), sweep_point(concurrency=64))
    entries = []
    for point in points:
        records = directory.point(point) / layout.RECORDS_FILE
        records.parent.mkdir(parents=True)
        records.write_bytes(f"{run_id} {point.key}".encode())
        checksums = {records.relative_to(directory.path).as_posix(): sha256(records)}
        entries.append(point_manifest(point).model_copy(update={"checksums": checksums}))
    summaries = [
        point_summary(p, invalid=invalid, tput_per_gpu=900 * tput, interactivity=50 * tput, ttft_p99_ms=900 / tput)
        for p in points
    ]
    directory.write_value(layout.SUMMARY, summaries)
    made: RunManifest = run_manifest(*entries, run_id=run_id, seed=seed)
    changed = {
        "scenario": scenario,
        "state": state,
        "benchmark_start_time_unix": began,
        "scenario_sha256": None,
        "checksums": {layout.SUMMARY: sha256(directory.path / layout.SUMMARY)},
    }
    directory.write_value(layout.MANIFEST, made.model_copy(update=changed | manifest))
    return directory


def change_summary(directory: RunDirectory, old: str, new: str) -> None:
    """Have a run measured something else: its checksum is that of what it says now."""
    path = directory.path / layout.SUMMARY
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    changed = directory.manifest().model_copy(update={"checksums": {layout.SUMMARY: sha256(path)}})
    directory.write_value(layout.MANIFEST, changed)


def write_side(store: Path, name: str, factor: float = 1.0, **run: object) -> list[Path]:
    """Five repeats with a little noise."""
    return [
        write_run(store, f"{name}{i}", tput=factor * noise, seed=i, **run).path  # type: ignore[arg-type]
        for i, noise in enumerate(NOISE)
    ]
