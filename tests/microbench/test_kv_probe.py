"""KV transfer measured with the real engines over loopback, and what can go wrong with it."""

from __future__ import annotations

import socket
import threading
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from inferbench.errors import UsageError
from inferbench.microbench import kv_transfer
from inferbench.microbench.backends import KvBackend, ProbeError, backend
from inferbench.microbench.far_end import hear, listen, pattern, say, serve, split
from inferbench.microbench.kv_result import KvProbe
from inferbench.microbench.probe import probe_kv
from inferbench.microbench.table import kv_table

SIZES, BATCHES, CONCURRENCIES = (4 << 10, 256 << 10), (1, 3), (1, 2)


def installed(name: str) -> None:
    try:
        backend(name, "127.0.0.1", np.zeros(64, dtype=np.uint8)).close()
    except UsageError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["mooncake", "nixl"])
def test_a_real_engine_moves_the_right_bytes(name: str) -> None:
    installed(name)
    found = probe_kv(name, sizes=SIZES, batches=BATCHES, concurrencies=CONCURRENCIES, seconds=0.02)
    assert found.loopback
    assert found.version
    shapes = [(p.message_bytes, p.batch, p.concurrency, p.direction) for p in found.points]
    assert shapes == list(product(SIZES, BATCHES, CONCURRENCIES, ("read", "write")))
    moved = [s * b * c for s, b, c in product(SIZES, BATCHES, CONCURRENCIES)]
    assert found.checked_bytes == 2 * sum(moved)
    for point in found.points:
        assert point.transfers >= 3 * point.concurrency
        assert point.latency_p50_us <= point.latency_p99_us
        # Bytes over wall time is at most what so many transfers of the quickest kind could have given.
        assert point.gb_per_s > 0
    assert KvProbe.model_validate_json(found.model_dump_json()) == found
    table = kv_table([found])
    assert len(table.rows) == len(found.points)
    assert "meets no NIC" in table.note


class InMemory(KvBackend):
    """Two ends in one process; what it moves can be spoilt."""

    transport, version = "memory", "1"
    ends: ClassVar[dict[bytes, InMemory]] = {}

    def __init__(self, host: str, buffer: np.ndarray, transport: str | None) -> None:
        self.buffer, self.spoil, self.fail = buffer, transport == "spoilt", transport == "broken"
        self.name = f"{id(self)}".encode()
        self.ends[self.name] = self

    def address(self) -> bytes:
        return self.name

    def connect(self, address: bytes) -> None:
        self.there = self.ends[address].buffer

    def transfer(self, direction, messages) -> None:
        if self.fail:
            raise ProbeError("the wire broke")
        for local, remote, size in messages:
            here, there = self.buffer[local : local + size], self.there[remote : remote + size]
            to, of = (here, there) if direction == "read" else (there, here)
            to[:] = of
            if self.spoil and size > 1:
                to[-1] ^= 1

    def close(self) -> None:
        del self.ends[self.name]


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch):
    """A far end in a thread, with the backend above in both."""
    for module in ("kv_transfer", "far_end"):
        monkeypatch.setattr(
            f"inferbench.microbench.{module}.backend",
            lambda name, host, buffer, transport: InMemory(host, buffer, transport),
        )
    with listen("127.0.0.1:0") as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)
        assert not thread.is_alive()


def measure(far: str, transport: str | None = None, size: int = 1000) -> KvProbe:
    shape = {"sizes": [size], "batches": [2], "concurrencies": [2], "seconds": 0.01}
    return kv_transfer.probe_kv("nixl", far, transport=transport, **shape)


def test_the_probe_itself_needs_no_engine(in_memory: str) -> None:
    assert measure(in_memory).checked_bytes == 8000


def test_one_wrong_bit_is_an_error(in_memory: str) -> None:
    with pytest.raises(ProbeError, match="other bytes arrived than were sent: a read of 2 x 1,000 bytes"):
        measure(in_memory, "spoilt")


def test_a_transfer_that_fails_is_an_error(in_memory: str) -> None:
    with pytest.raises(ProbeError, match="the wire broke"):
        measure(in_memory, "broken")


def test_no_far_end_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ProbeError, match=f"no far end of a probe at 127.0.0.1:{port}: Connection refused"):
        measure(f"127.0.0.1:{port}")


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n", b"[]\n", b""])
def test_a_far_end_that_is_something_else_is_one_line(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(
        "inferbench.microbench.kv_transfer.backend", lambda name, host, buffer, t: InMemory(host, buffer, t)
    )
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ProbeError, match=r"does not answer as one|has gone"):
            measure(f"127.0.0.1:{server.getsockname()[1]}")
        thread.join(10)


@pytest.mark.parametrize("asked", [{"bytes": 1 << 60}, {"bytes": "many"}, {"backend": "carrier-pigeon"}])
def test_a_far_end_says_what_it_cannot_do(asked: dict[str, object]) -> None:
    with listen("127.0.0.1:0") as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        with socket.create_connection(server.getsockname()) as near, near.makefile("rwb") as stream:
            say(stream, **{"backend": "nixl", "bytes": 64, "transport": None} | asked)
            assert hear(stream)["error"]
        thread.join(10)


def test_too_large_a_point_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(UsageError, match="the largest point needs a buffer of"):
        measure("127.0.0.1:1", size=2 << 30)


@pytest.mark.parametrize("address", ["", "host", "host:", ":1", "host:x", "host:70000"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(UsageError, match="is not HOST:PORT"):
        split(address)


def test_the_pattern_is_the_same_on_both_ends() -> None:
    assert (pattern(1000) == pattern(2000)[:1000]).all()


def test_mori_io_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mori-io is not installed here: it comes with ROCm images"):
        backend("mori-io", "127.0.0.1", np.zeros(8, dtype=np.uint8))
    package = tmp_path / "mori"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('libamdhip64.so.7: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"libamdhip64.so.7.*\(it needs ROCm\)"):
        backend("mori-io", "127.0.0.1", np.zeros(8, dtype=np.uint8))
