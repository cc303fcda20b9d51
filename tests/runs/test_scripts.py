"""Calls from the top level of a script, however it is started, and from a coroutine, as notebooks have it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import inferbench
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.server.server_process import PacedServer, fetch_record, start_paced
from inferbench.store.manifest import RunState
from tests.support.scenarios_for_tests import small_scenario, write_scenario

ROOT = Path(__file__).parents[2]
PATIENCE_S, STREAMS = 120, 4
UNGUARDED = """
import inferbench, sys
print("began", flush=True)
run = inferbench.run({scenario!r}, store={store!r}, live={live}, workers={workers})
print(run.manifest.state.value, len(run.points()))
"""
IN_A_LOOP = """
import asyncio
async def cell():
{code}
asyncio.run(cell())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(40, 10, "paced") as running:
        yield running


def one_point_each() -> dict[str, Any]:
    scenario = small_scenario()
    for deployment in scenario["deployments"]:
        deployment["topologies"] = [deployment["topologies"][0] | {"concurrency": [1]}]
    return scenario


def load(prompts: int) -> inferbench.BenchLoad:
    isl, osl = (Lengths(nominal=n, min=n, max=n) for n in (8, 10))
    return inferbench.BenchLoad(num_prompts=prompts, max_concurrency=STREAMS, isl=isl, osl=osl)


def endpoint(server: PacedServer) -> inferbench.Endpoint:
    return inferbench.Endpoint(server.url, "/v1/completions")


def python(*arguments: str, cwd: Path, given: str | None = None) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, timeout=PATIENCE_S, cwd=cwd,
        env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("how", ["file", "stdin", "-c", "loop"])
def test_a_scenario_runs_from_a_script_without_a_guard(how: str, tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", one_point_each())
    code = UNGUARDED.format(
        scenario=str(scenario), store=str(tmp_path / "s"), live=how == "loop", workers=1 if how == "stdin" else 2
    )
    if how == "loop":
        code = IN_A_LOOP.format(code="\n".join(f"    {line}" for line in code.splitlines()))
    if how == "stdin":
        said = python("-", cwd=tmp_path, given=code)
    elif how == "-c":
        said = python("-c", code, cwd=tmp_path)
    else:
        (tmp_path / "script.py").write_text(code)
        said = python("script.py", cwd=tmp_path)
    assert said.splitlines() == ["began", "complete 2"]  # said once: nobody runs the script again


def test_a_scenario_runs_where_the_package_was_put_on_the_path_by_hand(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", one_point_each())
    code = UNGUARDED.format(scenario=str(scenario), store=str(tmp_path / "s"), live=False, workers=1)
    by_hand = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run(
        [sys.executable, "-E", "-c", by_hand + code], capture_output=True, text=True, timeout=PATIENCE_S, cwd="/"
    )
    assert done.stdout.splitlines() == ["began", "complete 2"], done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_load_is_sent_from_within_a_running_loop(server: PacedServer, tmp_path: Path, workers: int) -> None:
    async def cell() -> inferbench.BenchRun:
        return inferbench.bench(endpoint(server), load(8), inferbench.Client(workers=workers), store=tmp_path)

    assert asyncio.run(cell()).summary.counts.ok == 8


def test_the_asynchronous_load_leaves_the_loop_free(server: PacedServer, tmp_path: Path) -> None:
    told, turns, threads = [], 0, set()

    async def cell() -> inferbench.BenchRun:
        nonlocal turns

        def show(progress: object) -> None:
            told.append(progress)
            threads.add(threading.current_thread())

        running = asyncio.create_task(
            inferbench.bench_async(endpoint(server), load(16), store=tmp_path, on_progress=show)
        )
        while not running.done():
            await asyncio.sleep(0.01)
            turns += 1
        return await running

    done = asyncio.run(cell())
    assert (done.summary.counts.ok, done.run.manifest.state) == (16, RunState.COMPLETE)
    assert turns > 3
    assert told
    assert threads == {threading.main_thread()}


def when_answered(server: PacedServer, requests: int, do: Any) -> threading.Thread:
    """Do something once the server has answered so many requests more."""
    before = len(fetch_record(server.url))

    def wait() -> None:
        for _ in range(1200):
            if len(fetch_record(server.url)) - before >= requests:
                break
            time.sleep(0.05)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_a_load_within_a_running_loop_and_what_was_measured_is_kept(
    server: PacedServer, tmp_path: Path
) -> None:
    async def cell() -> inferbench.BenchRun:
        thread = when_answered(server, 8, interrupt)
        done = inferbench.bench(endpoint(server), load(8000), store=tmp_path)
        thread.join()
        return done

    before = signal.getsignal(signal.SIGINT)
    done = asyncio.run(cell())
    assert done.interrupted is not None
    assert done.summary.counts.ok >= 8 - STREAMS
    assert done.summary.counts.unsent > 0
    assert (done.run.manifest.state, done.run.manifest.reason) == (RunState.PARTIAL, "interrupted")
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_load_is_a_keyboard_interrupt_also_within_a_running_loop(tmp_path: Path) -> None:
    nobody = inferbench.Endpoint("http://127.0.0.1:9", "/v1/completions")
    client = inferbench.Client(ready_timeout_s=PATIENCE_S)

    async def cell() -> None:
        threading.Timer(1, interrupt).start()
        inferbench.bench(nobody, load(8), client, store=tmp_path)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(cell())


def test_an_asynchronous_load_that_is_cancelled_is_kept_as_one_that_was_interrupted(
    server: PacedServer, tmp_path: Path
) -> None:
    async def cell() -> None:
        loop, enough = asyncio.get_running_loop(), asyncio.Event()
        thread = when_answered(server, 8, lambda: loop.call_soon_threadsafe(enough.set))
        running = asyncio.create_task(inferbench.bench_async(endpoint(server), load(8000), store=tmp_path))
        await enough.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        thread.join()

    asyncio.run(cell())
    (path,) = tmp_path.glob("bench/*")
    run = inferbench.open_run(path)
    assert (run.manifest.state, run.manifest.reason) == (RunState.PARTIAL, "interrupted")
    assert run.summaries[0].counts.ok >= 8 - STREAMS


def test_a_deployment_is_measured_from_within_a_running_loop(server: PacedServer, tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", attached())
    choice = inferbench.Choice("b200-trtllm", concurrency=(1,))

    async def cell() -> inferbench.Run:
        return inferbench.attach(scenario, inferbench.Site((endpoint(server),)), choice, store=tmp_path, live=False)

    with start_paced(20, 4, "deepseek-ai/DeepSeek-R1-0528") as server:
        assert asyncio.run(cell()).manifest.state is RunState.COMPLETE


def attached() -> dict[str, Any]:
    scenario = one_point_each()
    scenario["load"] |= {"prompts_per_concurrency": 3, "isl": {"nominal": 16, "min": 12, "max": 16}}
    scenario["load"] |= {"osl": {"nominal": 4, "min": 4, "max": 4}}
    return scenario
