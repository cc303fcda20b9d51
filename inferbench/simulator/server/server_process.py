"""A paced server in a process of its own, so that client and server do not share an event loop."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inferbench.errors import EndpointError
from inferbench.processes.child import end
from inferbench.simulator.server.send_record import SendRecord

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class PacedServer:
    """A running paced server."""

    url: str
    pid: int


@contextmanager
def start_paced(ttft_ms: float, tpot_ms: float, model: str) -> Iterator[PacedServer]:
    """Start a paced server on a free loopback port, and end it afterwards. Raises EndpointError if it won't start."""
    pace = ["--ttft-ms", str(ttft_ms), "--tpot-ms", str(tpot_ms), "--model", model]
    # A process group of its own: Ctrl-C is for the client, which ends the server when its records are safe.
    process = subprocess.Popen(
        [sys.executable, "-m", "inferbench.simulator.server", *pace], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield PacedServer(_url(process), process.pid)
    finally:
        end(process, STOP_TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()


def fetch_record(url: str) -> list[SendRecord]:
    """Get a server's own record of what it sent, in the order of arrival."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy
    with direct.open(f"{url}/record", timeout=START_TIMEOUT_S) as answer:
        return [SendRecord(**fields) for fields in json.load(answer)]


def _url(process: subprocess.Popen[bytes]) -> str:
    """Wait for the line that says where the server listens."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    line = process.stdout.readline() if readable else b""
    if not line:
        raise EndpointError(f"the paced server did not start within {START_TIMEOUT_S} s")
    return str(json.loads(line)["url"])
