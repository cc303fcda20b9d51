"""What a real server counted itself: the ground truth of these tests."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.error import URLError

from inferbench.telemetry.exporters.exposition import read_exposition

DEADLINE_S = 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def counters(url: str, **labels: str) -> Counter[str]:
    """Every sample of a metrics page by name, summed over its labels; or over those samples with `labels`."""
    found: Counter[str] = Counter()
    for sample in read_exposition(fetch(f"{url}/metrics"), url):
        if labels.items() <= sample.labels.items():
            found[sample.name] += sample.value
    return found


@dataclass
class Watched:
    """Gauges of a server, read over and over beside a load; the most that each came to."""

    url: str

    def __post_init__(self) -> None:
        self.most: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            self.most |= counters(self.url)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until it is so; a test that waits in vain fails."""
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def counted_since(before: Counter[str], url: str, total: str, n: int) -> Counter[str]:
    """What was counted since `before`, once `total` has come to n: engines count a while after they have answered."""
    wait_for(lambda: (counters(url) - before)[total] >= n)
    return counters(url) - before


def fetch(url: str) -> str:
    with DIRECT.open(url, timeout=DEADLINE_S) as answer:
        return str(answer.read().decode())


def is_up(url: str) -> bool:
    try:
        with DIRECT.open(url, timeout=DEADLINE_S):
            return True
    except (URLError, OSError):
        return False
