"""The index of a store: made from the run directories, never the truth, and read without opening them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inferbench.errors import StoreError
from inferbench.records import layout
from inferbench.runs.opened_run import Run
from inferbench.store import migrate
from inferbench.store.index import BROKEN, INDEX_FILE, refresh
from inferbench.store.manifest import RunState
from inferbench.store.operations import list_runs
from inferbench.store.run_directory import RunDirectory
from inferbench.store.storage_backends import DirectoryBackend
from tests.support.store_factories import write_run


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for number in range(3):
        write_run(tmp_path / "store", f"r{number}", seed=number, began=1000.0 + number)
    return tmp_path / "store"


def rows(store: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in refresh(DirectoryBackend(store)).table.to_pylist()}


def test_a_row_holds_what_the_run_says(store: Path) -> None:
    row = rows(store)["s/r1"]
    assert (row["state"], row["seed"], row["began_unix"], row["simulated"], row["n_points"]) == (
        "complete", 1, 1001.0, True, 2,
    )  # fmt: skip
    summary = RunDirectory(store / "s" / "r1").summaries()[0]
    assert summary.whole_run is not None
    assert summary.whole_run.tpot_ms is not None
    assert row["points"][0]["point"] == summary.point.key
    assert row["points"][0]["tpot_p50"] == summary.whole_run.tpot_ms.p50
    assert row["points"][0]["output_tput_per_gpu"] == summary.whole_run.throughput.output_tput / summary.point.gpus


def test_listing_opens_no_directory_of_a_run_that_it_knows(tmp_path: Path) -> None:
    """Several hundred runs, indexed; then every run directory is made unreadable, and they list all the same."""
    store = tmp_path / "store"
    template = write_run(store, "r0")
    for number in range(1, 300):
        path = store / "s" / f"r{number}"
        path.mkdir()
        for name in (layout.MANIFEST, layout.SUMMARY):
            (path / name).write_bytes((template.path / name).read_bytes())
    first = refresh(DirectoryBackend(store))
    assert first.opened == 300
    opened = opened_files(store)
    assert not [name for name in opened if "/s/r" in name]
    assert [name for name in opened if name.endswith(INDEX_FILE)]


def opened_files(store: Path) -> list[str]:
    """Every file or directory that a listing opens, as the interpreter's own audit hook sees it."""
    code = (
        "import sys; seen = []\n"
        "sys.addaudithook(lambda e, a: seen.append(str(a[0])) if e in ('open', 'os.scandir', 'os.listdir') else None)\n"
        "from inferbench.store.operations import list_runs\n"
        "rows, index = list_runs(sys.argv[1]); assert (len(rows), index.opened) == (300, 0)\n"
        "from inferbench.store.index import INDEX_FILE; seen.append(sys.argv[1] + '/' + INDEX_FILE)\n"
        "print('\\n'.join(seen))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store)], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_new_runs_are_found_and_removed_ones_forgotten(store: Path) -> None:
    assert refresh(DirectoryBackend(store)).opened == 3
    write_run(store, "r9")
    write_run(store, "q0", scenario="t")
    index = refresh(DirectoryBackend(store))
    assert (index.opened, index.table["name"].to_pylist()) == (2, ["s/r0", "s/r1", "s/r2", "s/r9", "t/q0"])
    for file in sorted((store / "s" / "r1").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (store / "s" / "r1").rmdir()
    assert "s/r1" not in rows(store)


def test_a_run_that_had_not_ended_is_looked_at_again_when_it_has_changed(store: Path) -> None:
    run = write_run(store, "running", state=RunState.RUNNING)
    with run.lock():
        assert rows(store)["s/running"]["state"] == "running"
        assert refresh(DirectoryBackend(store)).opened == 0
    manifest = run.manifest().model_copy(update={"state": RunState.COMPLETE})
    run.write_value(layout.MANIFEST, manifest)
    os.utime(run.path / layout.MANIFEST, ns=(1, 1))
    assert rows(store)["s/running"]["state"] == "complete"


@pytest.mark.parametrize(
    ("made", "advice"),
    [
        ({"kind": "bench"}, "such a run cannot be resumed: start it again"),
        ({}, "`inferbench run --resume {path}` goes on with it"),
    ],
)
def test_a_run_whose_process_is_gone_is_broken_although_no_file_has_changed(
    store: Path, made: dict[str, object], advice: str
) -> None:
    run = write_run(store, "killed", state=RunState.RUNNING, **made)
    with run.lock():
        assert rows(store)["s/killed"]["state"] == "running"
        assert Run(run).manifest.state is RunState.RUNNING
    row, reason = rows(store)["s/killed"], f"its process was killed; {advice.format(path=run.path)}"
    assert (row["state"], row["reason"], row["n_points"]) == ("broken", reason, 2)
    assert (Run(run).manifest.state, Run(run).manifest.reason) == (RunState.BROKEN, reason)
    assert run.manifest().state is RunState.RUNNING
    assert refresh(DirectoryBackend(store)).opened == 0


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1"])
def test_a_damaged_index_is_made_anew_and_says_so(store: Path, damage: bytes) -> None:
    before = rows(store)
    (store / INDEX_FILE).write_bytes(damage)
    index = refresh(DirectoryBackend(store))
    assert "damaged and has been made anew" in index.notes[0]
    assert {row["name"]: row for row in index.table.to_pylist()} == before
    assert refresh(DirectoryBackend(store)).notes == ()


def test_an_index_cut_anywhere_loses_no_run(store: Path) -> None:
    before = rows(store)
    whole = (store / INDEX_FILE).read_bytes()
    for size in range(0, len(whole), 997):
        (store / INDEX_FILE).write_bytes(whole[:size])
        assert rows(store) == before


def test_an_index_of_another_version_is_made_anew(store: Path) -> None:
    before = rows(store)
    pq.write_table(pa.table({"name": ["s/r0"]}), store / INDEX_FILE)
    index = refresh(DirectoryBackend(store))
    assert "another version" in index.notes[0]
    assert {row["name"]: row for row in index.table.to_pylist()} == before


def test_it_can_be_made_anew_at_any_time(store: Path) -> None:
    before = rows(store)
    assert refresh(DirectoryBackend(store), rebuild=True).opened == 3
    (store / INDEX_FILE).unlink()
    assert rows(store) == before


def test_half_written_and_damaged_runs_are_listed_with_the_reason_and_hide_no_other(store: Path) -> None:
    (store / "s" / "half").mkdir()
    damaged = write_run(store, "damaged")
    (damaged.path / layout.MANIFEST).write_bytes(b'{"format": 1')
    lost = write_run(store, "lost")
    (lost.path / layout.SUMMARY).write_bytes(b"[{}]")
    found = rows(store)
    assert {name: row["reason"].split(":")[0] for name, row in found.items() if row["state"] == BROKEN} == {
        "s/half": "half-written", "s/damaged": layout.MANIFEST, "s/lost": layout.SUMMARY,
    }  # fmt: skip
    assert len(found) == 6
    assert refresh(DirectoryBackend(store)).opened == 0
    write_run(store, "whole")
    assert rows(store)["s/half"]["state"] == BROKEN


def test_an_older_format_is_brought_up_step_by_step(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format 0, made up for this test, called the seed `random_seed`."""
    run = RunDirectory(store / "s" / "r1")
    old = orjson.loads((run.path / layout.MANIFEST).read_bytes())
    old["random_seed"] = old.pop("seed")
    content = orjson.dumps(old | {"format": 0})
    (run.path / layout.MANIFEST).write_bytes(content)
    with pytest.raises(StoreError, match="format 0 is older than this inferbench reads"):
        run.manifest()
    assert rows(store)["s/r1"]["state"] == BROKEN
    monkeypatch.setitem(
        migrate.MIGRATIONS, 0, lambda m: {k: v for k, v in m.items() if k != "random_seed"} | {"seed": m["random_seed"]}
    )
    assert run.manifest().seed == 1
    assert {r["seed"] for r in refresh(DirectoryBackend(store), rebuild=True).table.to_pylist()} == {0, 1, 2}
    assert (run.path / layout.MANIFEST).read_bytes() == content


def test_a_newer_format_is_refused_with_what_to_do(store: Path) -> None:
    run = RunDirectory(store / "s" / "r1")
    data = orjson.loads((run.path / layout.MANIFEST).read_bytes())
    (run.path / layout.MANIFEST).write_bytes(orjson.dumps(data | {"format": 2, "new": 1}))
    with pytest.raises(StoreError, match="format 2 is newer than this inferbench reads \\(1\\); update it"):
        run.manifest()
    assert "newer" in rows(store)["s/r1"]["reason"]


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Eight writers make runs and list the store while others do; afterwards every run is there."""
    store = tmp_path / "store"

    def write(writer: int) -> None:
        for number in range(5):
            write_run(store, f"w{writer}-{number}")
            refresh(DirectoryBackend(store))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    found = rows(store)
    assert len(found) == 40
    assert {row["state"] for row in found.values()} == {"complete"}
    assert not list(store.rglob("*.part"))


def test_a_store_that_cannot_be_written_is_still_listed(store: Path) -> None:
    (store / INDEX_FILE).mkdir()
    listed, index = list_runs(store)
    assert len(listed) == 3
    assert any("could not be kept" in note for note in index.notes)


def test_a_run_directly_in_the_store_is_not_taken_for_a_scenario(store: Path) -> None:
    write_run(store.parent, "own", scenario="store")
    assert set(rows(store)) == {"s/r0", "s/r1", "s/r2"}
    assert DirectoryBackend(store / "s").names() == []


def test_no_store_lists_nothing(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none")[0] == []


def test_a_store_that_was_indexed_empty_may_fill(tmp_path: Path) -> None:
    assert refresh(DirectoryBackend(tmp_path)).table.num_rows == 0
    write_run(tmp_path, "r0")
    assert refresh(DirectoryBackend(tmp_path)).table["name"].to_pylist() == ["s/r0"]


@pytest.mark.parametrize("seed", [2**63, 2**64 - 1])
def test_a_number_beyond_64_bits_breaks_its_own_run_and_no_other_row(store: Path, seed: int) -> None:
    manifest = store / "s" / "r1" / layout.MANIFEST
    manifest.write_bytes(orjson.dumps(orjson.loads(manifest.read_bytes()) | {"seed": seed}))
    found = rows(store)
    assert {name: row["state"] for name, row in found.items()} == {
        "s/r0": "complete", "s/r1": BROKEN, "s/r2": "complete",
    }  # fmt: skip
    assert "larger than any that is kept" in found["s/r1"]["reason"]
