"""The self-check: its null server, its cache, and what the command prints. Steps are few streams here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from inferbench.loadgen.health import ceiling_cache
from inferbench.loadgen.health import selfcheck as runner
from inferbench.loadgen.health.ceiling import Limit, Step, ceiling_of
from inferbench.loadgen.health.ceiling_cache import cache_path, ceiling, machine, remember
from inferbench.loadgen.health.selfcheck import selfcheck
from inferbench.loadgen.null_server import TOKEN, start_null

STEP = Step(streams=4, offered_events_per_s=80, events_per_s=79, stamp_late_p90_ms=0.5, cpu_share=0.1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_measured_ceiling_is_kept_and_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ceiling() is None
    found = selfcheck(streams=(2, 4))
    assert found.steps[0].streams == 2
    assert all(step.offered_events_per_s == 20 * step.streams for step in found.steps)
    assert all(step.events_per_s > 0 for step in found.steps)
    assert found.machine == machine()
    assert ceiling() == found

    def no_server(_: float) -> None:
        raise AssertionError("it was measured again")

    monkeypatch.setattr(runner, "start_null", no_server)
    assert selfcheck() == found
    with pytest.raises(AssertionError, match="measured again"):
        selfcheck(fresh=True)


def test_a_ceiling_of_another_machine_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    remember(ceiling_of(machine(), [STEP]))
    assert ceiling() is not None
    other = machine().model_copy(update={"cpus": machine().cpus + 1})
    monkeypatch.setattr(ceiling_cache, "machine", lambda: other)
    assert ceiling() is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"streams": 3}', '{"machine": null}'])
def test_a_cache_that_cannot_be_read_is_none(content: str) -> None:
    remember(ceiling_of(machine(), [STEP]))
    cache_path().write_text(content)
    assert ceiling() is None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remember(ceiling_of(machine(), [STEP]))
    assert ceiling() is None


def test_the_cache_is_where_the_system_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_path() == tmp_path / "inferbench" / "selfcheck.json"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")  # which the specification has ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_path() == tmp_path / ".cache" / "inferbench" / "selfcheck.json"


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "inferbench", "selfcheck", *arguments], capture_output=True, text=True, check=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_the_command_prints_a_table_or_json() -> None:
    late = STEP.model_copy(update={"streams": 8, "stamp_late_p90_ms": 9.0})
    known = ceiling_of(machine(), [STEP, late])
    remember(known)
    shown = command()
    assert "no: late" in shown
    assert "One worker takes 79 token events/s, 4 streams of 20 tok/s; beyond it stamps come late." in shown
    assert json.loads(command("--json")) == known.model_dump(mode="json")


def test_a_machine_that_holds_nothing_says_so() -> None:
    remember(ceiling_of(machine(), [STEP.model_copy(update={"events_per_s": 3.0})]))
    known = ceiling()
    assert known is not None
    assert (known.streams, known.limited_by) == (0, Limit.SERVER)
    assert "Not even the first step was held" in command()


def test_the_null_server_keeps_its_pace_and_counts() -> None:
    asked = b'{"model":"null","prompt":"x","max_tokens":5}'
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(asked)
    with start_null(100) as url:
        where = urlsplit(url)
        with socket.create_connection((where.hostname, where.port), 10) as connection:
            for _ in range(2):  # one answer after the other on a connection that is kept
                began = time.monotonic()
                for part in (head, asked[:7], asked[7:]):
                    connection.sendall(part)
                received = b""
                while not received.endswith(b"0\r\n\r\n"):
                    received += connection.recv(65536)
                assert received.startswith(b"HTTP/1.1 200 OK\r\n")
                assert received.count(TOKEN) == 5
                assert received.count(b"[DONE]") == 1
                assert time.monotonic() - began >= 5 / 100 - 0.001
            connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
