"""What is left of a load that something ends: a signal, a full disk, a writer that dies, a kill."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inferbench.errors import ExitCode
from inferbench.simulator.server.server_process import PacedServer, fetch_record, start_paced
from inferbench.store.manifest import RunState
from tests.end_to_end.test_command_line import COMMAND, ENV, inferbench, only_run
from tests.support.scenarios_for_tests import small_scenario, write_scenario

PROMPTS, STREAMS = 4000, 8
"""Minutes of load: whatever ends sooner was ended."""
LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.argv[0] = "inferbench"
runpy.run_module("inferbench", run_name="__main__", alter_sys=True)
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc here to find processes in")


@pytest.fixture(scope="module")
def server() -> Iterator[PacedServer]:
    with start_paced(60, 10, "paced") as running:
        yield running


@contextlib.contextmanager
def benching(
    server: PacedServer, store: Path, *more: str, command: list[str] | None = None, served: int = 20
) -> Iterator[subprocess.Popen[str]]:
    """A bench that has had some answers and would go on for minutes."""
    asked = [
        *(command or COMMAND), "bench", "--base-url", server.url, "--isl", "8", "--osl", "20", "--num-prompts",
        str(PROMPTS), "--max-concurrency", str(STREAMS), "--store", str(store), *more,
    ]  # fmt: skip
    before = len(fetch_record(server.url))
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV) as process:
        wait_for(process, lambda: len(fetch_record(server.url)) - before >= served)
        yield process


def wait_for(process: subprocess.Popen[str] | subprocess.Popen[bytes], seen: Callable[[], bool]) -> None:
    """Wait until something is seen of a process that runs on."""
    for _ in range(1200):
        if seen():
            return
        assert process.poll() is None, "it ended before"
        time.sleep(0.05)
    raise AssertionError("it never came so far")


def descendants(pid: int) -> dict[int, str]:
    """Processes that a process started, and theirs, with their command lines."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            found |= descendants(child)
    return found


def but_for_invalid(errors: str) -> list[str]:
    """The lines on stderr but for the one of a machine that was too busy to stamp well."""
    return [line for line in errors.splitlines() if not line.startswith("inferbench: INVALID: ")]


def check_partial(store: Path, reason: str, *, in_flight: int = STREAMS) -> None:
    """A run that stopped early holds what it measured, and says why it stopped."""
    run = only_run(store)
    assert run.manifest().state is RunState.PARTIAL
    assert run.manifest().reason == reason
    (summary,) = run.summaries()
    assert summary.partial
    counts = summary.counts
    assert counts.ok > 0
    assert counts.cancelled == in_flight
    assert counts.ok + counts.cancelled + counts.unsent == PROMPTS
    assert inferbench("runs", "verify", "--store", store).returncode == 0


@needs_proc
@pytest.mark.parametrize(
    ("number", "workers", "code"),
    [(signal.SIGTERM, 2, ExitCode.TERMINATED), (signal.SIGHUP, 1, ExitCode.HUNG_UP)],
    ids=["term", "hup"],
)
def test_a_signal_to_all_processes_ends_a_bench_like_ctrl_c(
    server: PacedServer, tmp_path: Path, number: signal.Signals, workers: int, code: ExitCode
) -> None:
    with benching(server, tmp_path / "s", "--workers", str(workers), "--result-dir", str(tmp_path / "r")) as process:
        started = descendants(process.pid)
        assert len(started) >= workers
        for pid in (process.pid, *started):
            os.kill(pid, number)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == code == 128 + number
    assert errors.rstrip().endswith(f"inferbench: stopped early: interrupted by {number.name}")
    assert "TTFT" in said
    assert list((tmp_path / "r").iterdir()), "the result file is written, too"
    check_partial(tmp_path / "s", f"interrupted by {number.name}")


def test_a_signal_that_is_to_be_ignored_is_ignored(server: PacedServer, tmp_path: Path) -> None:
    nohup = [sys.executable, "-c", "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
             "os.execv(sys.executable, [sys.executable, '-m', 'inferbench', *sys.argv[1:]])"]  # fmt: skip
    with benching(server, tmp_path, command=nohup) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    check_partial(tmp_path, "interrupted")


def test_a_signal_before_there_is_a_server_ends_the_wait(tmp_path: Path) -> None:
    waiting = [*COMMAND, "bench", "--base-url", "http://127.0.0.1:9", "--ready-check-timeout-sec", "600"]
    with subprocess.Popen([*waiting, "--store", str(tmp_path)], stderr=subprocess.PIPE, text=True, env=ENV) as process:
        time.sleep(3)  # it has started, and asks again and again
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (ExitCode.TERMINATED, "inferbench: interrupted by SIGTERM\n")
    assert not list(tmp_path.iterdir())


@needs_proc
@pytest.mark.parametrize("workers", [1, 2])
def test_a_record_writer_that_dies_stops_the_load_at_once(server: PacedServer, tmp_path: Path, workers: int) -> None:
    with benching(server, tmp_path, "--workers", str(workers), served=100) as process:
        writers = [
            pid for pid, command in descendants(process.pid).items() if "inferbench.records.writer_process" in command
        ]
        assert len(writers) == workers
        time.sleep(1)  # what has come is on disk within that time
        os.kill(writers[-1], signal.SIGKILL)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.USAGE
    (last,) = but_for_invalid(errors)
    assert last == "inferbench: stopped early: the process that writes records was killed"
    assert "TTFT" in said
    run = only_run(tmp_path)
    assert (run.manifest().state, run.manifest().reason) == (RunState.PARTIAL, last.split(": ", 2)[2])
    counts = run.summaries()[0].counts
    assert counts.ok >= 80 / workers
    assert counts.unsent > PROMPTS / 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_stops_the_load_and_what_was_written_counts(
    server: PacedServer, tmp_path: Path, workers: int
) -> None:
    """No file may grow beyond a limit, which a writer meets as it meets the end of the disk."""
    limited = [sys.executable, "-c", LIMITED.format(limit=60_000)]
    with benching(server, tmp_path, "--workers", str(workers), command=limited) as process:
        said, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.USAGE
    (last,) = but_for_invalid(errors)
    assert last.startswith("inferbench: stopped early: ")
    assert last.endswith(": cannot be written: File too large")
    assert "TTFT" in said
    run = only_run(tmp_path)
    assert (run.manifest().state, run.manifest().reason) == (RunState.PARTIAL, last.split(": ", 2)[2])
    counts = run.summaries()[0].counts
    assert counts.ok > 20
    assert counts.unsent > 0
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_without_room_for_the_summary_costs_no_figures(server: PacedServer, tmp_path: Path) -> None:
    limited = [sys.executable, "-c", LIMITED.format(limit=1500)]
    asked = ["bench", "--base-url", server.url, "--isl", "8", "--osl", "5", "--num-prompts", "8", "--max-concurrency"]
    done = subprocess.run(
        [*limited, *asked, "4", "--json", "--store", str(tmp_path)],
        capture_output=True,
        text=True,
        env=ENV,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.endswith(": cannot be written: File too large\n")
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["num_prompts"] == 8
    assert not list(tmp_path.rglob("*.part"))


def test_a_bench_that_was_killed_is_broken_and_nobody_is_told_to_resume_it(server: PacedServer, tmp_path: Path) -> None:
    with benching(server, tmp_path) as process:
        run = only_run(tmp_path)
        listed = json.loads(inferbench("runs", "list", "--store", tmp_path, "--json").stdout)
        assert [row["state"] for row in listed] == ["running"]
        assert inferbench("runs", "verify", "--store", tmp_path).returncode == 0
        process.kill()
        process.communicate(timeout=60)
    (row,) = json.loads(inferbench("runs", "list", "--store", tmp_path, "--json").stdout)
    assert (row["state"], row["reason"]) == (
        "broken", "its process was killed; such a run cannot be resumed: start it again",
    )  # fmt: skip
    checked = inferbench("runs", "verify", "--store", tmp_path)
    assert checked.returncode == ExitCode.USAGE
    assert "never ended: such a run cannot be resumed: start it again" in checked.stdout
    page = inferbench("report", run.path)
    assert page.returncode == 0, page.stderr
    assert "still going on" not in (run.path / "report.html").read_text()


def test_a_bench_that_fails_before_its_load_says_so_in_its_manifest(server: PacedServer, tmp_path: Path) -> None:
    done = inferbench(
        "bench", "--base-url", server.url, "--num-prompts", "8", "--max-concurrency", "2", "--workers", "3", "--store",
        tmp_path,
    )  # fmt: skip
    assert done.returncode == ExitCode.USAGE
    manifest = only_run(tmp_path).manifest()
    assert manifest.state is RunState.PARTIAL
    assert done.stderr == f"inferbench: {manifest.reason}\n"


@needs_proc
def test_a_simulating_process_that_is_killed_is_one_line_and_the_rest_is_kept(tmp_path: Path) -> None:
    scenario = small_scenario()
    for deployment in scenario["deployments"]:
        deployment["topologies"][0]["concurrency"] = [4000, 4001]
    path = write_scenario(tmp_path / "x.yaml", scenario)
    asked = [*COMMAND, "run", str(path), "--store", str(tmp_path / "s"), "--workers", "2", "--no-live"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV) as process:
        wait_for(process, lambda: any((tmp_path / "s").glob("*/*/points/*")))
        pool = [pid for pid, command in descendants(process.pid).items() if "pool_process" in command]
        os.kill(pool[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERNAL
    assert (
        errors == "inferbench: a process that simulates was killed by SIGKILL; does the machine have enough memory?\n"
    )
    manifest = only_run(tmp_path / "s").manifest()
    assert (manifest.state, f"inferbench: {manifest.reason}\n") == (RunState.PARTIAL, errors)


def test_a_terminal_that_is_closed_ends_a_bench_with_all_its_files(server: PacedServer, tmp_path: Path) -> None:
    master, terminal = pty.openpty()
    asked = [
        *COMMAND, "bench", "--base-url", server.url, "--isl", "8", "--osl", "20", "--num-prompts", str(PROMPTS),
        "--max-concurrency", str(STREAMS), "--store", str(tmp_path / "s"), "--result-dir", str(tmp_path / "r"),
    ]  # fmt: skip
    # The terminal is that of the process's session, as in a shell, so that its end is a SIGHUP for it.
    leader = [sys.executable, "-c", "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
              "os.execv(sys.argv[1], sys.argv[1:])"]  # fmt: skip
    before = len(fetch_record(server.url))
    with subprocess.Popen(
        [*leader, *asked], stdin=terminal, stdout=terminal, stderr=terminal, env=ENV, start_new_session=True
    ) as process:
        os.close(terminal)
        os.set_blocking(master, False)

        def has_begun() -> bool:
            with contextlib.suppress(BlockingIOError):
                os.read(master, 1 << 16)  # or the terminal is full, and whoever draws on it waits
            return len(fetch_record(server.url)) - before >= 20

        wait_for(process, has_begun)
        os.close(master)
        process.wait(60)
    assert process.returncode == ExitCode.HUNG_UP
    assert list((tmp_path / "r").iterdir())
    check_partial(tmp_path / "s", "interrupted by SIGHUP")
