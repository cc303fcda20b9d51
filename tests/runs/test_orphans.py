"""No worker outlives a run that was killed: whoever resumes the run must be the only one who writes it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.scenarios_for_tests import small_scenario, write_scenario


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc on this system to find workers in")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    small = small_scenario()
    for deployment in small["deployments"]:
        deployment["topologies"][0]["concurrency"] = [4000, 4001]
    path = write_scenario(tmp_path / "long.yaml", small)
    process = subprocess.Popen(
        [sys.executable, "-m", "inferbench", "run", str(path), "--no-live", "--workers", "2", "--store", str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    children: list[int] = []
    for _ in range(200):
        children = children_of(process.pid)
        if list(tmp_path.glob("*/*/points/*")):
            break
        time.sleep(0.05)
    assert len(children) >= 2
    process.kill()
    process.wait()
    for _ in range(200):
        if not any(alive(pid) for pid in children):
            return
        time.sleep(0.05)
    raise AssertionError("a worker outlived its parent by ten seconds")


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]
