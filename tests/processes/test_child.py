"""How children of inferbench end: by themselves, when they are asked to, or because they have to."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from inferbench.errors import EndpointError, ExitCode
from inferbench.processes.child import end, ended, exit_code, last_line

STUBBORN = "import signal,sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
EAGER = "import sys; print(flush=True); sys.stdin.read(); sys.exit(3)"


def popen(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize(
    ("code", "patience_s", "number"), [(EAGER, 60, signal.SIGTERM), (STUBBORN, 0.05, signal.SIGKILL)]
)
def test_a_child_that_is_asked_to_end_is_killed_only_where_it_does_not(
    code: str, patience_s: float, number: signal.Signals
) -> None:
    with popen(code) as process:
        end(process, patience_s)
        assert process.returncode == -number


@pytest.mark.parametrize(("closed", "patience_s", "code"), [(True, 60, 3), (False, 0.05, -signal.SIGKILL)])
def test_a_child_whose_input_ended_has_its_time_to_end_by_itself(closed: bool, patience_s: float, code: int) -> None:
    async def work() -> int:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", EAGER, stdin=pipe, stdout=pipe)
        assert process.stdin is not None
        if closed:
            process.stdin.close()
        found = await ended(process, patience_s)
        process.stdin.close()
        return found

    assert asyncio.run(work()) == code


@pytest.mark.parametrize(("failed", "code"), [(None, ExitCode.ENDPOINT), (1, 1)])
def test_an_error_of_ours_is_a_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], failed: int | None, code: int
) -> None:
    def work() -> None:
        raise EndpointError("nobody there")

    assert exit_code(work, failed) == code
    assert capsys.readouterr().err == "nobody there\n"
    assert exit_code(lambda: None, failed) == 0


def test_what_a_child_said_last_is_why_it_failed() -> None:
    assert last_line(b"Traceback\nnobody there\n\n", "it was killed") == "nobody there"
    assert last_line(b" \n", "it was killed") == "it was killed"
