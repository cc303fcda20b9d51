"""A run that somebody else sends: nothing outside of it is read or written, and a verdict rests on what was written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import inferbench
from inferbench.cli import execute
from inferbench.cli.files import write_below
from inferbench.errors import ExitCode, StoreError, UsageError
from inferbench.files.untrusted_files import MAX_DOCUMENT, inside
from inferbench.files.whole_files import sha256
from inferbench.records import layout, schema
from inferbench.records.parquet import FREE, RATIO, allowed
from inferbench.records.reader import read_records
from inferbench.regression.baselines import NamedBaseline, write_baseline
from inferbench.runs.point_requests import point_requests
from inferbench.scenario.scenario import Scenario
from inferbench.store.evaluation_files import read_evaluations
from inferbench.store.index import refresh
from inferbench.store.manifest import RunManifest
from inferbench.store.run_directory import RunDirectory
from inferbench.store.storage_backends import DirectoryBackend, pull, push
from inferbench.store.verify import verify
from tests.support.factories import sweep_point
from tests.support.scenarios_for_tests import small_scenario
from tests.support.store_factories import write_run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return write_run(tmp_path / "store", "r")


def change(run: RunDirectory, name: str, old: bytes, new: bytes) -> None:
    content = (run.path / name).read_bytes()
    assert old in content
    (run.path / name).write_bytes(content.replace(old, new))


def rename_first_point(run: RunDirectory, deployment: str) -> None:
    """Give the first sweep point another deployment, in the summary and in the manifest, with the checksum to match."""
    point = sweep_point(concurrency=8)
    for name in (layout.SUMMARY, layout.MANIFEST):
        change(
            run, name, f'"deployment": "{point.deployment}"'.encode(), orjson.dumps({"deployment": deployment})[1:-1]
        )
    summary = run.checksums()[layout.SUMMARY]
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update={"checksums": {layout.SUMMARY: summary}}))


@pytest.mark.parametrize("name", ["/etc/hostname", "../other/manifest.json", "points/../../x", "", "a\0b"])
def test_a_name_that_leads_out_is_no_file_of_the_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="is no file in it"):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["/etc/hostname", "../secret.txt", "points/link", "pipe"])
def test_verify_reads_no_file_outside_of_the_run_and_nothing_without_end(run: RunDirectory, name: str) -> None:
    outside = run.path.parent / "secret.txt"
    outside.write_text("of somebody else")
    (run.path / "points" / "link").symlink_to(outside)
    os.mkfifo(run.path / "pipe")
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update={"checksums": {name: "0" * 64}}))
    (problem,) = verify(run.path)
    assert "SHA-256" not in problem
    assert any(says in problem for says in ("is no file in it", "leads out of", "is no plain file"))


@pytest.mark.parametrize("what", ["summary.json", "cost.json", "scenario.yaml"])
def test_a_link_out_of_a_run_is_not_followed(run: RunDirectory, what: str) -> None:
    outside = run.path.parent / "elsewhere"
    (run.path / what).unlink(missing_ok=True)
    outside.write_text("[]")
    (run.path / what).symlink_to(outside)
    opened = inferbench.open_run(run.path)
    read: Callable[[], object] = {
        "summary.json": lambda: opened.summaries,
        "cost.json": lambda: opened.costs,
        "scenario.yaml": lambda: opened.scenario,
    }[what]
    with pytest.raises(StoreError, match="a link that leads out of"):
        read()


def test_a_run_may_itself_be_reached_by_a_link(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(run.path)
    assert len(inferbench.open_run(tmp_path / "linked").summaries) == 2
    (tmp_path / "store" / "s" / "again").symlink_to(run.path)
    assert refresh(DirectoryBackend(tmp_path / "store")).table["state"].to_pylist() == ["complete", "complete"]


def test_an_export_stays_in_its_folder_and_records_in_their_run(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = "../../../outside"
    rename_first_point(run, deployment)
    outside = tmp_path / f"outside.{sweep_point().topology}.c8"
    outside.mkdir()
    (outside / layout.RECORDS_FILE).write_bytes(b"of somebody else")
    assert execute(["export", "vllm", str(run.path), "--out", str(tmp_path / "a" / "b" / "c")]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "is no file in it" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("outside*.json"))
    with pytest.raises(StoreError, match="is no file in it"):
        point_requests(inferbench.open_run(run.path), f"{deployment}.{sweep_point().topology}.c8")
    for name in (f"{deployment}.json", "/outside.json"):
        with pytest.raises(StoreError, match="is no file in it"):
            write_below(tmp_path / "a", name, b"")


COMMANDS = {
    "regress": ["regress", "--baseline", "{other}", "--candidate", "{run}"],
    "regress against it": ["regress", "--baseline", "{run}", "--candidate", "{other}"],
    "compare": ["compare", "{run}", "{other}"],
    "report": ["report", "{run}"],
    "report for machines": ["report", "{run}", "--format", "json"],
    "export": ["export", "csv", "{run}"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_verdict_rests_on_a_summary_that_was_changed(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    other = write_run(tmp_path / "store", "o")
    change(run, layout.SUMMARY, b'"tput_per_gpu": 900', b'"tput_per_gpu": 999')
    asked = [part.format(run=run.path, other=other.path) for part in COMMANDS[command]]
    assert execute(asked) == ExitCode.USAGE
    said = capsys.readouterr()
    assert "summary.json: damaged: its checksum is not the manifest's" in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    index = refresh(DirectoryBackend(tmp_path / "store")).table
    states = dict(zip(index["run_id"].to_pylist(), index["state"].to_pylist(), strict=True))
    assert states == {"o": "complete", "r": "broken"}


def test_no_figure_rests_on_records_or_a_scenario_that_were_changed(run: RunDirectory) -> None:
    opened = inferbench.open_run(run.path)
    key = opened.summaries[0].point.key
    (run.path / layout.POINTS / key / layout.RECORDS_FILE).write_bytes(b"other records")
    for read in (lambda: point_requests(opened, key), lambda: opened.records(key)):
        with pytest.raises(StoreError, match=r"records.parquet: damaged: SHA-256"):
            read()
    (run.path / layout.SCENARIO).write_text("format: 1\n")
    run.write_value(layout.MANIFEST, run.manifest().model_copy(update={"scenario_sha256": "0" * 64}))
    with pytest.raises(StoreError, match=r"scenario.yaml: changed since the run began"):
        _ = inferbench.open_run(run.path).scenario


def test_a_document_of_a_gigabyte_is_not_read(run: RunDirectory) -> None:
    with (run.path / layout.SUMMARY).open("ab") as file:
        file.truncate(2**30)  # it takes no room on the disk
    with pytest.raises(StoreError, match=r"summary.json: has 1,024 MiB; at most 64 are read"):
        run.summaries()
    assert "has 1,024 MiB" in refresh(DirectoryBackend(run.path.parents[1])).table["reason"].to_pylist()[0]
    assert MAX_DOCUMENT == 64 * 2**20


def test_a_small_file_of_records_gets_no_gigabytes(tmp_path: Path) -> None:
    """A column of one value takes no room in the file, however long it is."""
    group = pa.table({name: pa.nulls(FREE // 8 // 16, pa.int64()) for name in ("seq", "isl", "osl", "end_ns")})
    with pq.ParquetWriter(tmp_path / layout.RECORDS_FILE, group.schema) as writer:
        for _ in range(5):
            writer.write_table(group)
    assert (tmp_path / layout.RECORDS_FILE).stat().st_size < 2**20
    with pytest.raises(StoreError, match=r"bytes that ask for 1\.2 GiB of memory; a file of that size gets 1\.0"):
        read_records(tmp_path)


def test_a_long_error_that_many_records_share_is_not_copied_into_each(tmp_path: Path) -> None:
    text, rows = "x" * 2**20, 2000  # 2 GB when written out
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([text]))
    columns = {field.name: pa.nulls(rows, field.type) for field in schema.RECORDS}
    for name in [field.name for field in schema.RECORDS if not field.nullable]:
        columns[name] = pa.array(np.zeros(rows), columns[name].type)
    pq.write_table(pa.table(columns | {"error": column}).replace_schema_metadata(None), tmp_path / layout.RECORDS_FILE)
    with pytest.raises(StoreError, match=r"ask for 2\.0 GiB"):
        read_records(tmp_path)


def test_large_files_get_memory_by_their_size() -> None:
    assert allowed(100) == FREE
    assert allowed(10 * FREE) == 10 * RATIO * FREE


def test_a_run_with_a_link_out_of_it_is_not_pushed(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of this machine")
    (run.path / "points" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match="a link that leads out of"):
        push(run.path, DirectoryBackend(tmp_path / "there"))
    assert not list((tmp_path / "there").rglob("link"))


class _Named(DirectoryBackend):
    """A store whose objects have any key that somebody gave them, as an object store's do."""

    keys: tuple[str, ...] = ()

    def files(self, name: str) -> list[str]:
        return [f"{name}/{key}" for key in self.keys]

    def read(self, file: str, limit: int | None = None) -> bytes | None:
        return b"{}"


@pytest.mark.parametrize("key", ["../../../outside", "points/../../../x", "/outside", "../other/manifest.json"])
def test_a_key_of_an_object_store_leads_nowhere_else(tmp_path: Path, key: str) -> None:
    place = _Named(tmp_path / "there")
    place.keys = (key, layout.MANIFEST)
    with pytest.raises(StoreError, match="is no file in it"):
        pull("s/r", place, tmp_path / "a" / "b" / "store")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_what_another_run_calls_a_fingerprint_is_no_path(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "evil" / "x").mkdir(parents=True)
    (tmp_path / "evil" / "x" / "evaluation.json").write_text("{")
    assert read_evaluations(tmp_path / "store", "../../evil") == ()


def test_a_baseline_keeps_no_keys_of_a_store(tmp_path: Path) -> None:
    baseline = NamedBaseline(name="b", runs=("s3://AKIAPLANTED:planted@bucket/s/r",), set_unix=0.0)
    with pytest.raises(UsageError, match="would keep the keys in its runs' URLs") as caught:
        write_baseline(tmp_path, baseline)
    assert "planted" not in str(caught.value).lower()
    assert not list(tmp_path.rglob("*.json"))


def test_a_manifest_that_was_written_with_secrets_shows_none(run: RunDirectory) -> None:
    command = ["inferbench", "bench", "--header", "Authorization=Bearer planted", "--seed", "3"]
    content = orjson.loads((run.path / layout.MANIFEST).read_bytes()) | {
        "command": command,
        "reason": "api_key=planted",
    }
    (run.path / layout.MANIFEST).write_bytes(orjson.dumps(content))
    manifest: RunManifest = run.manifest()
    assert manifest.command == ("inferbench", "bench", "--header", "Authorization=***", "--seed", "3")
    assert manifest.reason == "api_key=***"


@pytest.mark.parametrize("form", ["csv", "inferencex", "vllm"])
def test_a_summary_of_a_point_that_the_run_does_not_have_is_refused(run: RunDirectory, form: str, capsys) -> None:
    summaries = [s.model_copy(update={"point": sweep_point(topology="other")}) for s in run.summaries()]
    run.write_value(layout.SUMMARY, summaries)
    changed = run.manifest().model_copy(update={"checksums": {layout.SUMMARY: sha256(run.path / layout.SUMMARY)}})
    run.write_value(layout.MANIFEST, changed)
    assert execute(["export", form, str(run.path)]) == ExitCode.USAGE
    assert "is no point of this run" in capsys.readouterr().err


def test_a_scenario_that_lacks_what_a_summary_names_says_what_it_has() -> None:
    scenario = Scenario.model_validate(small_scenario(), strict=False)
    with pytest.raises(UsageError, match="scenario small: unknown deployment 'x'; allowed: "):
        scenario.deployment("x")
    with pytest.raises(UsageError, match="unknown topology 'x'; allowed: "):
        scenario.deployments[0].topology("x")
