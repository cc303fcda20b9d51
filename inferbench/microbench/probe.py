"""Measuring KV transfer: between two processes of this machine, or with a far end elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from inferbench.microbench.backends import ProbeError
from inferbench.microbench.far_end import listen, serve
from inferbench.microbench.kv_result import KvBackendName, KvProbe
from inferbench.microbench.kv_transfer import probe_kv as probe_far
from inferbench.processes.child import end

SIZES = (4 << 10, 64 << 10, 1 << 20, 16 << 20)
"""Message sizes, bytes: a page of KV cache, a few layers of one, a layer of a long prompt, all of one."""
BATCHES = (1, 8)
CONCURRENCIES = (1, 4)
SECONDS = 0.3
END_TIMEOUT_S = 10


def probe_kv(
    backend: KvBackendName,
    *,
    far: str | None = None,
    sizes: Sequence[int] = SIZES,
    batches: Sequence[int] = BATCHES,
    concurrencies: Sequence[int] = CONCURRENCIES,
    seconds: float = SECONDS,
    transport: str | None = None,
) -> KvProbe:
    """Measure a KV transfer backend in both directions, at every size, batch and concurrency.

    Every point moves its bytes once more beforehand, and all of them are compared. `far` is HOST:PORT of the other
    end (`serve_far`); None starts one on this machine, over loopback. Raises UsageError where the backend is not
    installed, ProbeError where the far end or a transfer fails.
    """
    with _far_end(far) as address:
        return probe_far(
            backend,
            address,
            sizes=sizes,
            batches=batches,
            concurrencies=concurrencies,
            seconds=seconds,
            transport=transport,
        )


def serve_far(address: str) -> None:
    """Be the far end at HOST:PORT for one probe. Raises UsageError where the address cannot be had."""
    with listen(address) as server:
        serve(server)


@contextmanager
def _far_end(far: str | None) -> Iterator[str]:
    if far is not None:
        yield far
        return
    command = [sys.executable, "-m", "inferbench.microbench.far_end", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            assert child.stdout is not None
            port = child.stdout.readline().strip()
            if not port:
                raise ProbeError("the far end did not start")
            yield f"127.0.0.1:{port}"
        finally:
            end(child, END_TIMEOUT_S)
