"""How busy the machine is that a load is sent from."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil

from inferbench.loadgen.health.ceiling import cores


class HostWatch:
    """Notes how much CPU time everything on this process's cores takes, from when it is made."""

    def __init__(self) -> None:
        self.cores = cores()
        self._began = time.monotonic(), _busy_s()

    def busy_cores(self) -> float | None:
        """CPU time of everything that ran on those cores over wall time so far; None where the system does not say."""
        (then, before), (now, after) = self._began, (time.monotonic(), _busy_s())
        return None if before is None or after is None or now <= then else max(after - before, 0.0) / (now - then)


def _busy_s() -> float | None:
    """CPU seconds of the cores that this process may use, but for those in which they were idle."""
    with suppress(psutil.Error, OSError, RuntimeError):
        each = psutil.cpu_times(percpu=True)
        mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(each))
        # Time of guests is in that of the user, too.
        return float(sum(t.user + t.system + getattr(t, "nice", 0.0) + getattr(t, "irq", 0.0)
                         + getattr(t, "softirq", 0.0) + getattr(t, "steal", 0.0)
                         for number, t in enumerate(each) if number in mine))  # fmt: skip
    return None
