"""Run a command and account for it as a whole: CPU time and memory of it and of every process that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.25
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Account:
    """What a command took."""

    code: int
    """Exit code; 124 where it ran past its time and was killed."""
    wall_s: float
    cpu_s: float
    """User and system time of the whole tree of processes."""
    peak_mb: float
    """Most resident memory of the whole tree at one time; pages that processes share count in each."""
    peak_main_mb: float
    """The same of the first process alone."""
    output: str


def children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += children(one)
    return found


class Sampler:
    """CPU and memory of a tree of processes, as last seen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_s: dict[int, float] = {}
        self.peak_bytes = 0
        self.peak_main_bytes = 0

    def sample(self) -> None:
        total = 0
        for pid in tree(self._pid):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            self._cpu_s[pid] = (int(fields[11]) + int(fields[12])) / TICKS
            total += (resident := int(fields[21]) * PAGE)
            if pid == self._pid:
                self.peak_main_bytes = max(self.peak_main_bytes, resident)
        self.peak_bytes = max(self.peak_bytes, total)

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu_s.values())


def run(command: list[str], log: Path, limit_s: float) -> Account:
    """Run a command to its end, or for `limit_s`, with its output in `log`.

    CPU time is what the kernel counted for the process and for those of its descendants that were waited for; where
    some were not, what was last seen of each is more, and taken instead.
    """
    began = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )  # fmt: skip
    sampler, code = Sampler(process.pid), None
    while True:
        sampler.sample()
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - began > limit_s and code is None:
            os.killpg(process.pid, signal.SIGKILL)
            code = 124
        time.sleep(SAMPLE_S)
    process.returncode = code if code is not None else os.waitstatus_to_exitcode(status)
    return Account(
        code=process.returncode,
        wall_s=time.monotonic() - began,
        cpu_s=max(usage.ru_utime + usage.ru_stime, sampler.cpu_s),
        peak_mb=sampler.peak_bytes / 2**20,
        peak_main_mb=sampler.peak_main_bytes / 2**20,
        output=log.read_text(errors="replace"),
    )
