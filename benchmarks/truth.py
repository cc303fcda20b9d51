"""The truth server and the floor client: building them, running the server, reading the server's own record."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PERCENTILES = (50, 99)
CFLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")


class NoCompilerError(Exception):
    """No C compiler on this machine."""


@dataclass(frozen=True)
class Shape:
    """A load: streams kept open in a closed loop, and how the server answers them."""

    name: str
    streams: int
    requests: int
    osl: int
    ttft_ms: float
    tpot_ms: float
    isl: int = 256


@dataclass(frozen=True)
class Truth:
    """What the server did, from its own record. Times in ms."""

    requests: int
    complete: int
    """Requests of which every token was sent."""
    tokens: int
    cut: int
    most_open: int
    mean_open: float
    ttft: dict[int, float]
    """First token written - last byte of the request arrived, by percentile."""
    tpot: dict[int, float]
    """(Last token written - first) / (tokens - 1) per request, by percentile."""
    late_p99_ms: float
    """How far behind its own schedule the server was: where this is large, there is no truth to compare with."""
    late_max_ms: float
    server_cpu_s: float


def build(name: str, into: Path) -> Path:
    """Compile benchmarks/NAME.c, warnings being errors."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompilerError("no C compiler (cc) on this machine: the truth server and the floor client need one")
    into.mkdir(parents=True, exist_ok=True)
    program = into / name
    subprocess.run([compiler, *CFLAGS, "-o", str(program), str(HERE / f"{name}.c")], check=True)
    return program


def percentiles(values: np.ndarray) -> dict[int, float]:
    return {p: float(np.percentile(values, p)) for p in PERCENTILES} if len(values) else {}


def read_truth(record: Path, summary: dict[str, float], osl: int) -> Truth:
    """Read a server's record. Requests for another length than `osl` are probes and warm-ups, and are left out."""
    rows = np.genfromtxt(record, delimiter=",", names=True, dtype=np.int64, ndmin=1)
    rows = rows[rows["asked"] == osl]
    done = rows[(rows["tokens"] == osl) & (rows["cut"] == 0)]
    span = (rows["last_token_ns"].max() - rows["last_byte_ns"].min()) if len(done) else 1
    return Truth(
        requests=len(rows),
        complete=len(done),
        tokens=int(rows["tokens"].sum()),
        cut=int(rows["cut"].sum()),
        most_open=int(summary["most_open"]),
        mean_open=float((done["last_token_ns"] - done["last_byte_ns"]).sum() / span),
        ttft=percentiles((done["first_token_ns"] - done["last_byte_ns"]) / 1e6),
        tpot=percentiles((done["last_token_ns"] - done["first_token_ns"]) / 1e6 / max(1, osl - 1)),
        late_p99_ms=summary["late_p99_ms"],
        late_max_ms=summary["late_max_ms"],
        server_cpu_s=summary["cpu_s"],
    )


class Server:
    """A truth server that runs; `stop` ends it and returns what it did."""

    def __init__(self, program: Path, shape: Shape, record: Path) -> None:
        self._shape, self._record = shape, record
        self._process = subprocess.Popen(
            [
                *(str(program), "--port", "0", "--record", str(record)),
                *("--ttft-ms", str(shape.ttft_ms), "--tpot-ms", str(shape.tpot_ms)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def stop(self) -> Truth:
        self._process.terminate()
        summary, _ = self._process.communicate(timeout=30)
        return read_truth(self._record, json.loads(summary), self._shape.osl)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def serving(program: Path, shape: Shape) -> Iterator[Server]:
    """A server for one run, gone afterwards whatever happens."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, shape, Path(folder) / "record.csv")
        try:
            yield server
        finally:
            server.kill()
