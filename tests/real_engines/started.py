"""Servers of other people, started for a test and ended after it, with all the processes that they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from server_counters import is_up

from inferbench.testing.installed_engines import engines_folder, installed

READY_S = 300
STOP_S = 20
QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""Nothing here asks the network for anything."""


def environment(name: str) -> Path:
    """Folder of the programs of an engine's environment; a skip, with the reason, where it is not there."""
    folder = engines_folder() / name
    if not (folder / "installed").exists():
        with suppress(OSError):
            why = (folder / "install.log").read_text().strip().splitlines()[-1:]
            pytest.skip(f"{name} cannot be installed here: {''.join(why)}")
        pytest.skip(f"{name} is not installed: tests/real_engines/install.sh {name}")
    return folder / "bin"


def version(name: str, engine: str) -> str:
    """Version of an engine in the environment of that name."""
    where = str(engines_folder() / name)
    return next(str(one.version) for one in installed() if (one.name, one.where) == (engine, where))


def descendant(pid: int, name: str) -> int:
    """Process id of the one below `pid` whose name begins so."""
    (found,) = [p.pid for p in psutil.Process(pid).children(recursive=True) if p.name().startswith(name)]
    return found


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on; all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextmanager
def launched(command: Sequence[Any], log: Path, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that may not answer yet.

    It leads a process group, but shares the session: Linux schedules sessions against each other (autogroup), and one
    whose processes yield to each other as vLLM's do can keep a core from all others for as long as it has work.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=out, process_group=0, cwd=log.parent,
            env={**os.environ, **QUIET, **(extra or {})},
        )  # fmt: skip
    server = Server(process, log)
    try:
        yield server
    finally:
        server.end()


@contextmanager
def started(command: Sequence[Any], ready: str, log: Path, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that answers at the URL `ready`."""
    with launched(command, log, extra) as server:
        server.wait(lambda: is_up(ready))
        yield server


@dataclass(frozen=True)
class Server:
    """A process of somebody else's, the leader of a group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready. Where it ends before, the end of its log is the failure."""
        deadline = time.monotonic() + READY_S
        while not ready():
            alive = self.process.poll() is None and time.monotonic() < deadline
            assert alive, f"{self.process.args} did not start:\n{self.log.read_text(errors='replace')[-2000:]}"
            time.sleep(0.2)

    def kill(self) -> None:
        """End it as a crash would, with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """End it, and its group: engines leave workers behind when they are killed."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S)
        self.kill()
        self.process.wait()
