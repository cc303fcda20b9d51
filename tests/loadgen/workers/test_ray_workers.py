"""The same load over Ray actors: a local cluster of two nodes, each of which takes one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferbench.errors import UsageError
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.health.invalid_client import judge_client, most_at_once
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.progress import Progress, StopKind
from inferbench.loadgen.workers.ray_actors import RayWorker, ray_workers
from inferbench.loadgen.workers.ray_cluster import MODE, TOKEN, TOKEN_PATH, connect, prepare
from inferbench.records.reader import read_records
from inferbench.records.request_record import Status
from inferbench.runs.measure import plan_run
from inferbench.runs.measure.plan_run import run_http_point
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.server.server_process import fetch_record, start_paced
from inferbench.workload.plan import Plan
from inferbench.workload.planner import make_plan
from inferbench.workload.prompt_source import PromptSource


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """Two nodes on the loopback interface, with one CPU each, and this process connected to them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        ray = pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        try:
            ray.init(cluster.address, log_to_driver=False, logging_level="error")
            assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}
            yield ray
        finally:
            ray.shutdown()
            cluster.shutdown()


def plan(n: int, concurrency: int, osl: int = 6) -> Plan:
    isl, tokens = Lengths(nominal=4, min=4, max=4), Lengths(nominal=osl, min=osl, max=osl)
    return make_plan(n, isl=isl, osl=tokens, seed=0, salt="", max_concurrency=concurrency)


@pytest.mark.usefixtures("two_nodes")
def test_actors_on_two_nodes_share_a_load(tmp_path: Path) -> None:
    """Each node has one CPU and each actor takes one, so that they must be on both."""
    with start_paced(60, 10, "paced") as server:
        endpoint = Endpoint(server.url, "/v1/completions", "paced")
        outcome = run_in_loop(run_http_point(endpoint, plan(21, 5), tmp_path, workers=2, ray="auto"))
        truth = fetch_record(server.url)
    records = read_records(tmp_path)
    assert sorted(records.seq.tolist()) == list(range(21))
    assert set(records.status.tolist()) == {Status.OK}
    assert set(records.client_worker.tolist()) == {0, 1}
    assert most_at_once(records) == 5
    assert len(truth) == 21
    # The clocks of both nodes are one here, so that what alignment says of them must hold.
    residual_ns = outcome.client.clock_residual_ms * 1e6
    assert 0 < residual_ns < 1e9
    assert outcome.anchor.monotonic_ns + records.slot_free_ns.min() < truth[0].arrival_ns + residual_ns
    assert outcome.anchor.monotonic_ns + records.chunks.last_ns.max() > truth[-1].last_token_ns - residual_ns
    assert judge_client(records, plan(1, 1).arrival, outcome.client, streams_asked=5).clock_residual_ms > 0


@pytest.mark.usefixtures("two_nodes")
def test_a_relative_path_is_found_by_an_actor_in_another_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nodes were started elsewhere."""
    turns = [{"from": "human", "value": "How far is the moon from here?"}, {"from": "gpt", "value": "Far."}]
    (tmp_path / "talk.json").write_text(json.dumps([{"id": "a", "conversations": turns}]))
    monkeypatch.chdir(tmp_path)
    source = PromptSource(sharegpt=Path("talk.json"))
    with start_paced(20, 5, "paced") as server:
        endpoint = Endpoint(server.url, "/v1/completions", "paced")
        run_in_loop(run_http_point(endpoint, plan(4, 2), tmp_path / "r", workers=2, ray="auto", prompts=source))
    assert set(read_records(tmp_path / "r").status.tolist()) == {Status.OK}


def test_an_actor_that_is_lost_is_named(two_nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers: list[RayWorker] = []

    async def start(worker: RayWorker) -> None:
        await begin(worker)
        workers.append(worker)

    begin = RayWorker.start
    monkeypatch.setattr(RayWorker, "start", start)

    def watch(progress: Progress, _: int) -> None:
        if progress.ended >= 4 and len(workers) == 2:
            two_nodes.kill(next(w for w in workers if w.number == 1).actor)
            workers.clear()

    with start_paced(100, 10, "paced") as server:
        endpoint = Endpoint(server.url, "/v1/completions", "paced")
        outcome = run_in_loop(run_http_point(endpoint, plan(60, 4), tmp_path, workers=2, ray="auto", watch=watch))
    assert outcome.driven.stop_reason == "worker 1 was lost, and its records with it"
    assert outcome.driven.stop_kind is StopKind.LOST
    records = read_records(tmp_path)
    assert records.seq.tolist() != []
    assert set(records.client_worker.tolist()) == {0}
    assert len(set(records.seq.tolist())) == len(records) == 30


@pytest.mark.usefixtures("two_nodes")
def test_a_cluster_without_room_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inferbench.loadgen.workers.ray_actors.PLACE_S", 1)
    jobs = [
        plan_run.WorkerJob(number, (Endpoint("http://127.0.0.1:9", "/v1/completions", "m"),), plan(1, 1), Path())
        for number in range(3)
    ]

    async def ask() -> None:
        async with ray_workers(jobs, "auto"):
            raise AssertionError("three actors on two CPUs")

    with pytest.raises(UsageError, match="the Ray cluster had no CPU for worker"):
        run_in_loop(ask())


def _in_a_process(code: str, home: Path, **environment: str) -> str:
    """What a process prints that has this home and no token of Ray's; its settings are read when it is imported."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | {"HOME": str(home)} | environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


JOIN = """
from inferbench.loadgen.workers.ray_cluster import connect, prepare
from inferbench.errors import UsageError
prepare({address!r})
import ray
try:
    connect(ray, {address!r})
    print("joined", ray.nodes()[0]["NodeManagerAddress"])
    ray.shutdown()
except UsageError as error:
    print(error)
"""


def test_a_local_cluster_has_a_token_of_its_own_and_leaves_none_behind(tmp_path: Path) -> None:
    said = _in_a_process(JOIN.format(address="local") + "import os; print(len(os.environ['RAY_AUTH_TOKEN']))", tmp_path)
    assert said.splitlines() == ["joined 127.0.0.1", "64"]
    assert not (tmp_path / ".ray").exists()


def test_a_token_that_is_missing_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        said = _in_a_process(JOIN.format(address=address), tmp_path, RAY_AUTH_MODE="token")
    assert said.strip() == (
        f"ray {address}: Ray asks for a token: this process has no token. For a cluster with tokens, which Ray has "
        "since 2.60, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to its token or RAY_AUTH_TOKEN_PATH to the token's "
        "file (on the cluster `ray get-auth-token` prints it)"
    )


def test_an_address_where_nobody_listens_is_one_clear_error() -> None:
    ray = pytest.importorskip("ray")
    with pytest.raises(UsageError, match="no cluster there: Connection refused"):
        connect(ray, "127.0.0.1:1")


def test_tokens_that_a_user_has_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (MODE, TOKEN, TOKEN_PATH):
        monkeypatch.setenv(name, "x")
        prepare("local")
        assert [os.environ.get(other) for other in (MODE, TOKEN, TOKEN_PATH) if other != name] == [None, None]
        monkeypatch.delenv(name)
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("x")
    prepare("local")
    assert TOKEN not in os.environ


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # makes the import fail as if it were not installed
    endpoint = Endpoint("http://127.0.0.1:9", "/v1/completions", "m")
    with pytest.raises(UsageError, match=r"pip install 'inferbench-serving\[ray\]'"):
        run_in_loop(run_http_point(endpoint, plan(4, 2), tmp_path, workers=2, ray="local"))
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
