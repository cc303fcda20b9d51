"""Damage is found by the checksums in the manifest, and what no run needs can go."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import threading
from pathlib import Path

import pytest

from inferbench.errors import StoreError
from inferbench.files.whole_files import sha256
from inferbench.records import layout
from inferbench.store import run_directory
from inferbench.store.garbage import OLD_ENOUGH_S, garbage_of
from inferbench.store.liveness import is_held
from inferbench.store.manifest import RunState
from inferbench.store.run_directory import RunDirectory
from inferbench.store.verify import verify
from tests.support.store_factories import write_run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = write_run(tmp_path / "store", "r")
    run.write(layout.SCENARIO, b"format: 1\n")
    manifest = run.manifest().model_copy(update={"scenario_sha256": sha256(run.path / layout.SCENARIO)})
    run.write_value(layout.MANIFEST, manifest)
    return run


def test_one_flipped_bit_anywhere_is_found(run: RunDirectory) -> None:
    assert verify(run.path) == ()
    rng = random.Random(1)
    files = [p for p in sorted(run.path.rglob("*")) if p.is_file() and p.name != layout.MANIFEST]
    assert len(files) == 4
    for path in files:
        whole = path.read_bytes()
        for _ in range(20):
            bit = rng.randrange(8 * len(whole))
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            (problem,) = verify(run.path)
            assert problem.startswith(f"{path.relative_to(run.path).as_posix()}: damaged: SHA-256 ")
        path.write_bytes(whole)
    assert verify(run.path) == ()


def test_missing_files_and_an_unreadable_manifest_are_named(run: RunDirectory) -> None:
    (run.path / layout.SUMMARY).unlink()
    assert verify(run.path) == ("summary.json: missing",)
    (run.path / layout.MANIFEST).write_bytes(b"{")
    assert "manifest.json: damaged" in verify(run.path)[0]
    (run.path / layout.MANIFEST).unlink()
    assert "holds no manifest.json" in verify(run.path)[0]


def test_a_run_that_never_ended_says_how_to_go_on_unless_somebody_is_writing_it(run: RunDirectory) -> None:
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update={"state": RunState.RUNNING}))
    (problem,) = verify(run.path)
    assert problem == f"never ended: `inferbench run --resume {run.path}` goes on with it"
    with run.lock():
        assert verify(run.path) == ()
        with pytest.raises(StoreError, match="another process"), run.lock():
            pass


def test_of_a_bench_run_that_never_ended_nobody_is_told_to_resume_it(run: RunDirectory) -> None:
    unended = {"state": RunState.RUNNING, "kind": "bench"}
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update=unended))
    assert verify(run.path) == ("never ended: such a run cannot be resumed: start it again",)


def test_looking_whether_a_run_goes_on_does_not_keep_its_writer_out(run: RunDirectory) -> None:
    handle = os.open(run.path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    threading.Timer(0.03, os.close, [handle]).start()
    with run.lock():
        assert is_held(run.path)
    assert not is_held(run.path)


def test_a_full_disk_leaves_the_old_file_and_no_half_one(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run.path / layout.SUMMARY).read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_directory.os, "fsync", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        run.write(layout.SUMMARY, b"new")
    assert (run.path / layout.SUMMARY).read_bytes() == before
    assert not list(run.path.rglob("*.part"))


LATER = 10 * OLD_ENOUGH_S


def test_only_what_no_run_needs_can_go(tmp_path: Path) -> None:
    store = tmp_path / "store"
    complete, partial = write_run(store, "complete"), write_run(store, "partial", state=RunState.PARTIAL)
    for run in (complete, partial):
        (run.path / layout.ATTEMPTS / "d.t.c8.1").mkdir(parents=True)
        (run.path / layout.ATTEMPTS / "d.t.c8.1" / layout.STARTS_STREAM).write_bytes(b"half")
    (complete.path / "summary.json.0a1b.part").write_bytes(b"[")
    never, lost = store / "s" / "never", store / "s" / "lost"
    never.mkdir()
    (lost / "points" / "d.t.c8").mkdir(parents=True)
    (lost / "points" / "d.t.c8" / layout.RECORDS_STREAM).write_bytes(b"records that somebody measured")
    now = max(p.stat().st_mtime for p in store.rglob("*"))
    found = garbage_of(store, now + LATER)
    assert {s.path.relative_to(store).as_posix() for s in found} == {
        "s/complete/attempts", "s/complete/summary.json.0a1b.part", "s/never",
    }  # fmt: skip
    assert garbage_of(store, now + 1) == []
    for sweeping in found:
        sweeping.remove()
    assert not never.exists()
    assert verify(complete.path) == verify(partial.path) == ()
    assert garbage_of(store, now + LATER) == []
