"""How late the server sends, against its own schedule."""

from __future__ import annotations

import time

from inferbench.units import NS_PER_MS, NS_PER_S, NS_PER_US

BIN_NS = 50 * NS_PER_US
PERCENTILES = (50, 90, 99, 100)


class Pacing:
    """Lateness of every chunk, in bins of 50 us."""

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}

    def sent(self, late_ns: int) -> None:
        """A chunk went out this much after it was due."""
        index = late_ns // BIN_NS
        self._bins[index] = self._bins.get(index, 0) + 1

    def summary(self) -> dict[str, float]:
        """Chunks, percentiles of lateness in ms (upper edges of their bins), and CPU seconds of the process."""
        total, found, seen = sum(self._bins.values()), dict[str, float](), 0
        left = list(PERCENTILES) if total else []
        for index, count in sorted(self._bins.items()):
            seen += count
            while left and seen >= total * left[0] / 100:
                found[f"late_p{left.pop(0)}_ms"] = (index + 1) * BIN_NS / NS_PER_MS
        return {"chunks": total, "cpu_s": time.process_time(), "at_s": time.monotonic_ns() / NS_PER_S, **found}
