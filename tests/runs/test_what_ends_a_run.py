"""Whatever ends a run leaves it marked partial, with the reason in its manifest."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import inferbench
from inferbench.errors import StoppedError, StoreError
from inferbench.runs.answers import judge
from inferbench.runs.bench import bench
from inferbench.runs.measure import plan_run
from inferbench.simulator.server.server_process import PacedServer, start_paced
from inferbench.store.manifest import RunManifest, RunState
from tests.runs.test_scripts import attached, endpoint, load, one_point_each
from tests.support.scenarios_for_tests import write_scenario

CHOICE = inferbench.Choice("b200-trtllm", concurrency=(4,))
HOW = inferbench.HowToMeasure(workers=2)


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(40, 10, "deepseek-ai/DeepSeek-R1-0528") as running:
        yield running


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A scenario that takes minutes to simulate."""
    scenario = one_point_each()
    for deployment in scenario["deployments"]:
        deployment["topologies"][0]["concurrency"] = [4000, 4001]
    return write_scenario(tmp_path / "long.yaml", scenario)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_scenario(tmp_path / "small.yaml", one_point_each())


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A scenario that takes minutes to measure."""
    scenario = attached()
    scenario["load"] |= {"prompts_per_concurrency": 4000}
    return write_scenario(tmp_path / "slow.yaml", scenario)


def manifest_of(store: Path) -> RunManifest:
    (path,) = (path.parent for path in store.glob("*/*/manifest.json"))
    return inferbench.open_run(path).manifest


def killing(module: str) -> Callable[[object], None]:
    """Something to be told of progress, which kills a process that runs a module of ours, once."""
    killed: list[int] = []

    def kill(_: object) -> None:
        for process in psutil.Process().children(recursive=True):
            if not killed and module in process.cmdline():
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

    return kill


def failing(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a fault")


def pool_left() -> list[int]:
    return [
        p.pid for p in psutil.Process().children(recursive=True) if "inferbench.processes.pool_process" in p.cmdline()
    ]


def test_a_scenario_whose_process_is_killed(long: Path, tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="was killed by SIGKILL"):
        inferbench.run(
            long, store=tmp_path / "s", live=False, workers=2, on_progress=killing("inferbench.processes.pool_process")
        )
    manifest = manifest_of(tmp_path / "s")
    assert manifest.state is RunState.PARTIAL
    assert manifest.reason == "a process that simulates was killed by SIGKILL; does the machine have enough memory?"
    assert not pool_left()


def test_a_scenario_whose_caller_fails(small: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        inferbench.run(small, store=tmp_path / "s", live=False, workers=1, on_progress=failing)
    manifest = manifest_of(tmp_path / "s")
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, "ZeroDivisionError: a fault")
    assert not pool_left()


def test_a_scenario_on_a_fault_of_ours_keeps_its_points(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "conclusions", failing)
    with pytest.raises(ZeroDivisionError):
        inferbench.run(small, store=tmp_path / "s", live=False, workers=1)
    manifest = manifest_of(tmp_path / "s")
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, "ZeroDivisionError: a fault")
    assert len(manifest.points) == 2
    monkeypatch.undo()
    (path,) = tmp_path.glob("s/*/*/manifest.json")
    assert inferbench.resume(path.parent, live=False).manifest.state is RunState.COMPLETE


def test_a_fault_in_a_process_that_simulates_comes_back_with_where_it_was(small: Path, tmp_path: Path) -> None:
    (tmp_path / "s" / "small").mkdir(parents=True)

    def unwritable(_: object) -> None:
        raise AssertionError("nothing can be simulated here")

    # The process cannot make the directory of its point: there is a file of that name.
    create = inferbench.runs.scenario_run.RunDirectory.create

    def blocked(store: Path, scenario: str) -> object:
        directory = create(store, scenario)
        (directory.path / "points").write_text("")
        return directory

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inferbench.runs.scenario_run.RunDirectory, "create", blocked)
        with pytest.raises((OSError, StoreError)) as caught:
            inferbench.run(small, store=tmp_path / "s", live=False, workers=1, on_progress=unwritable)
    assert any("run_job" in note for note in caught.value.__notes__)
    assert manifest_of(tmp_path / "s").state is RunState.PARTIAL


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("inferbench.loadgen.workers.process", "was killed by SIGKILL"),
        ("inferbench.records.writer_process", "the process that writes records was killed"),
    ],
)
def test_a_load_whose_process_is_killed(server: PacedServer, tmp_path: Path, module: str, reason: str) -> None:
    done = inferbench.bench(
        endpoint(server), load(200), inferbench.Client(workers=2), store=tmp_path, on_progress=killing(module)
    )
    assert done.stop_reason is not None
    manifest = manifest_of(tmp_path)
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, done.stop_reason)
    assert reason in done.stop_reason


def test_a_load_whose_caller_fails(server: PacedServer, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        inferbench.bench(endpoint(server), load(200), store=tmp_path, on_progress=failing)
    manifest = manifest_of(tmp_path)
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, "ZeroDivisionError: a fault")


def test_a_load_on_a_fault_of_ours(server: PacedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "summarise_http", failing)
    with pytest.raises(ZeroDivisionError):
        inferbench.bench(endpoint(server), load(8), store=tmp_path)
    manifest = manifest_of(tmp_path)
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, "ZeroDivisionError: a fault")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("inferbench.loadgen.workers.process", "was killed by SIGKILL"),
        ("inferbench.records.writer_process", "the process that writes records was killed"),
    ],
)
def test_a_measured_deployment_whose_process_is_killed(
    server: PacedServer, slow: Path, tmp_path: Path, module: str, reason: str
) -> None:
    # One process writes where one process sends; where two do, each has its own to write.
    kill, writer = killing(module), module.endswith("writer_process")
    how = inferbench.HowToMeasure(workers=1) if writer else HOW
    with pytest.raises(StoreError if writer else StoppedError, match=reason):
        inferbench.attach(
            slow_to_end(slow, writer), inferbench.Site((endpoint(server),)), CHOICE, how=how, store=tmp_path / "s",
            live=False, on_progress=kill,
        )  # fmt: skip
    manifest = manifest_of(tmp_path / "s")
    assert manifest.state is RunState.PARTIAL
    assert manifest.reason is not None
    assert reason in manifest.reason


def slow_to_end(scenario: Path, ends_by_itself: bool) -> Path:
    """A worker that is lost leaves the others to go on, so that their load must not take minutes."""
    if not ends_by_itself:
        scenario.write_text(
            scenario.read_text().replace("prompts_per_concurrency: 4000", "prompts_per_concurrency: 20")
        )
    return scenario


def test_a_measured_deployment_whose_caller_fails(server: PacedServer, slow: Path, tmp_path: Path) -> None:
    site = inferbench.Site((endpoint(server),))
    with pytest.raises(ZeroDivisionError):
        inferbench.attach(slow, site, CHOICE, store=tmp_path / "s", live=False, on_progress=failing)
    manifest = manifest_of(tmp_path / "s")
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, "ZeroDivisionError: a fault")


def test_a_measured_deployment_on_a_fault_of_ours(
    server: PacedServer, slow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_run, "HostWatch", failing)
    with pytest.raises(ZeroDivisionError):
        inferbench.attach(slow, inferbench.Site((endpoint(server),)), CHOICE, store=tmp_path / "s", live=False)
    manifest = manifest_of(tmp_path / "s")
    assert (manifest.state, manifest.reason) == (RunState.PARTIAL, "ZeroDivisionError: a fault")
