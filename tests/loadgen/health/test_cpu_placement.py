"""Where servers run: what is found of real processes that are pinned, and what follows from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from inferbench.errors import ExitCode
from inferbench.loadgen.health.cpu_placement import Engine, Placement, judge, look
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.runs.bench.bench import bench
from inferbench.runs.bench.bench_plan import BenchLoad
from inferbench.simulator.server.server_process import start_paced

ALONE = Engine(8100, {0: "worker, process 7"})
OTHER = Engine(8200, {0: "worker, process 9"})


def test_a_client_that_may_go_elsewhere_is_told_where() -> None:
    (warning,) = judge([ALONE], {0, 1, 2}).warnings
    assert warning == (
        "worker, process 7 (server at port 8100) is pinned to core 0, where the client may run too: "
        "start it with `taskset -c 1,2`"
    )


def test_a_client_without_a_core_of_its_own_cannot_measure() -> None:
    found = judge([ALONE], {0})
    assert found.reasons == (
        "the client may run only where the server is pinned: "
        "worker, process 7 (server at port 8100) is pinned to core 0",
    )
    assert found.warnings == ()


def test_a_client_off_the_engines_cores_hears_nothing() -> None:
    assert judge([ALONE], {1}) == judge([], {0}) == judge([Engine(1, {})], {0}) == Placement()


def test_two_engines_on_one_core_are_told_wherever_the_client_is() -> None:
    (warning,) = judge([ALONE, OTHER], {1}).warnings
    assert warning.startswith("2 engines share core 0, so that each waits for the other: worker, process 7 (server at ")
    assert judge([ALONE, Engine(8200, {1: "x"})], {2}) == Placement()


LISTENS = """
import os, socket, sys, threading
core, behind = int(sys.argv[1]), sys.argv[2:]
own = socket.create_server(("127.0.0.1", 0))
held = [socket.create_connection(("127.0.0.1", int(port))) for port in behind if port.isdigit()]
if core >= 0:  # a worker below the process that listens, and of it one thread, as engines have them
    if os.fork() == 0:
        own.close()
        pinned = threading.Event()
        def work():
            os.sched_setaffinity(0, {core})
            pinned.set()
            threading.Event().wait()
        threading.Thread(target=work, daemon=True).start()
        pinned.wait()
        print("ready", flush=True)
        sys.stdin.read()
        os._exit(0)
else:
    print("ready", flush=True)
print(own.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def listening(core: int, *behind: int | str) -> Iterator[int]:
    """A server whose worker has a thread pinned to a core (none for -1), connected to others; its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS, str(core), *map(str, behind)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = {process.stdout.readline().strip(), process.stdout.readline().strip()}
        yield int((said - {"ready"}).pop())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def cores() -> Sequence[int]:
    return sorted(os.sched_getaffinity(1))


needs_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")


@needs_cores
def test_a_pinned_thread_of_a_servers_child_is_found(cores: Sequence[int]) -> None:
    with listening(cores[0]) as port, listening(-1) as free:
        (reason,) = look([url(port)], {cores[0]}).reasons
        assert f"(server at port {port}) is pinned to core {cores[0]}" in reason
        assert look([url(port)], {cores[1]}) == Placement()
        (warning,) = look([url(port)], {cores[0], cores[1]}).warnings
        assert f"`taskset -c {cores[1]}`" in warning
        assert look([url(free)], {cores[0]}) == Placement()


@needs_cores
def test_engines_behind_a_router_are_found_by_its_connections(cores: Sequence[int]) -> None:
    with (
        listening(cores[0]) as prefill,
        listening(cores[0]) as decode,
        listening(-1, prefill, decode) as router,
        listening(cores[0]) as stranger,
    ):
        found = look([url(router)], {cores[1]})
        (warning,) = found.warnings
        assert warning.startswith(f"2 engines share core {cores[0]}")
        assert all(f"port {port}" in warning for port in (prefill, decode))
        assert str(stranger) not in warning


@needs_cores
def test_engines_that_a_router_was_started_with_are_found(cores: Sequence[int]) -> None:
    with listening(cores[0]) as engine, listening(-1, "--decode", url(engine)) as router:
        (warning,) = look([url(router)], set(cores[:2])).warnings
        assert f"(server at port {engine}) is pinned to core {cores[0]}" in warning


@pytest.mark.parametrize("elsewhere", ["http://192.0.2.1:80", "http://no-such-host.invalid", "http://127.0.0.1:1"])
def test_what_is_not_here_is_passed_over(elsewhere: str) -> None:
    assert look([elsewhere], {0}) == Placement()


@needs_cores
def test_the_self_check_and_a_run_say_it(cores: Sequence[int], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inferbench", "selfcheck", "--base-url"]
    on_it = ["taskset", "-c", str(cores[0])]
    with start_paced(5, 1, "paced") as server:
        for task in os.listdir(f"/proc/{server.pid}/task"):
            os.sched_setaffinity(int(task), {cores[0]})
        done = subprocess.run([*on_it, *command, server.url], capture_output=True, text=True, check=False)
        assert done.returncode == ExitCode.INVALID
        assert done.stdout.startswith("INVALID: the client may run only where the server is pinned")
        told = subprocess.run([*command, server.url, "--json"], capture_output=True, check=False)
        assert json.loads(told.stdout)["warnings"]
        run = bench(Endpoint(server.url, "/v1/completions"), BenchLoad(num_prompts=2), store=tmp_path)
    assert run.summary.client is not None
    (warning,) = run.summary.client.warnings
    assert f"is pinned to core {cores[0]}" in warning
    assert warning in run.notes
