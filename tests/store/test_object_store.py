"""A store below a prefix of an object store, against a local server that speaks S3 (moto)."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import inferbench
from inferbench.cli import execute
from inferbench.errors import ExitCode, StoreError, UsageError
from inferbench.records import layout
from inferbench.regression.check import find_runs, regress, set_baseline
from inferbench.regression.verdicts import RegressionOutcome
from inferbench.store.index import BROKEN, INDEX_FILE, refresh
from inferbench.store.operations import list_runs, pull_run, push_run, query_runs
from inferbench.store.storage_backends import open_backend
from inferbench.store.verify import verify
from tests.support.scenarios_for_tests import small_scenario, write_scenario
from tests.support.store_factories import NOISE, write_run, write_side


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module", autouse=True)
def keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    bucket = f"b{zlib.crc32(request.node.name.encode())}"
    urllib.request.urlopen(urllib.request.Request(f"http://{server}/{bucket}", method="PUT")).close()
    return f"s3://{bucket}/years?endpoint_override={server}&scheme=http"


def test_a_run_comes_back_as_it_was_pushed(url: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "r1")
    assert push_run(run.path, url) == "s/r1"
    back = pull_run("r1", url, tmp_path / "b")
    assert verify(back) == ()
    left, right = (
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()} for root in (run.path, back)
    )
    assert left == right
    with pytest.raises(UsageError, match="unknown run 'r2'; allowed: s/r1"):
        pull_run("r2", url, tmp_path / "b")


def test_it_lists_and_answers_as_a_directory_does(url: str, tmp_path: Path) -> None:
    for path in write_side(tmp_path / "a", "r"):
        push_run(path, url)
    listed, index = list_runs(url)
    assert (len(listed), index.opened) == (5, 5)
    assert list_runs(url)[1].opened == 0
    assert open_backend(url).read(INDEX_FILE)
    assert query_runs("SELECT count(*), min(seed) FROM runs", url)[1] == [(5, 0)]
    local = list_runs(tmp_path / "a")[0]
    assert listed == local


def test_a_run_that_was_pushed_half_is_listed_as_half_written(url: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "r1")
    place = open_backend(url)
    place.write(f"s/r1/{layout.SUMMARY}", (run.path / layout.SUMMARY).read_bytes())
    (row,) = refresh(place).table.to_pylist()
    assert (row["state"], row["reason"].split(":")[0]) == (BROKEN, "half-written")
    push_run(run.path, url)
    (row,) = refresh(place).table.to_pylist()
    assert row["state"] == "complete"


def test_baselines_and_candidates_may_lie_there(url: str, tmp_path: Path) -> None:
    for path in write_side(tmp_path / "a", "old"):
        push_run(path, url)
    base, options = url.split("?")
    assert find_runs([url]) == find_runs([f"{base}/s?{options}"])
    assert len(find_runs([url])) == len(NOISE)
    assert find_runs([f"{base}/s/old1?{options}"]) == [f"{base}/s/old1?{options}"]
    worse = write_side(tmp_path / "b", "new", 0.9)
    set_baseline("main", [url], tmp_path)
    for baseline in (url, "main"):
        assert regress([baseline], worse, store=tmp_path).outcome is RegressionOutcome.REGRESSED
    with pytest.raises(UsageError, match="holds no runs"):
        find_runs([f"{base}/other?{options}"])


def test_the_command_line_takes_urls(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "a", "r1")
    assert execute(["runs", "push", str(run.path), "--store", url]) == ExitCode.OK
    assert capsys.readouterr().out.strip().endswith("/years/s/r1")
    assert execute(["runs", "list", "--store", url]) == ExitCode.OK
    assert "s/r1" in capsys.readouterr().out
    assert execute(["runs", "pull", "r1", "--store", url, "--into", str(tmp_path / "b")]) == ExitCode.OK
    assert execute(["runs", "verify", "--store", url]) == ExitCode.USAGE
    assert "runs pull" in capsys.readouterr().err


def test_a_run_is_copied_there_when_it_has_ended(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scenario = small_scenario()
    for deployment in scenario["deployments"]:
        deployment["topologies"] = deployment["topologies"][:1]
        deployment["topologies"][0]["concurrency"] = [2]
    run = inferbench.run(write_scenario(tmp_path / "small.yaml", scenario), store=url, live=False, workers=1)
    assert run.path.parts[0] == "reports"
    ((row,), _) = list_runs(url)
    assert (row["name"], row["state"], row["n_points"]) == (f"small/{run.path.name}", "complete", 2)
    assert execute(["history", "tpot_p50", "--scenario", "small", "--store", url]) == ExitCode.OK
    assert "0 changes in 1 runs" in capsys.readouterr().out


def test_a_server_that_is_down_or_a_bad_url_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ftp://x/y: cannot be used"):
        open_backend("ftp://x/y")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    down = f"s3://bucket/x?endpoint_override=127.0.0.1:{port}&scheme=http"
    with pytest.raises(StoreError, match="s3://bucket/x: cannot be listed"):
        open_backend(down).names()
