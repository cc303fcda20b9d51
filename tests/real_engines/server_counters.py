"""What a real server counted itself: the ground truth of these tests."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from urllib.error import URLError

from prometheus_client.parser import text_string_to_metric_families

DEADLINE_S = 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def counters(url: str) -> Counter[str]:
    """Every sample of a metrics page by name, summed over its labels."""
    with DIRECT.open(f"{url}/metrics", timeout=DEADLINE_S) as answer:
        text = answer.read().decode()
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] += sample.value
    return found


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until it is so; a test that waits in vain fails."""
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def is_up(url: str) -> bool:
    try:
        with DIRECT.open(url, timeout=DEADLINE_S):
            return True
    except (URLError, OSError):
        return False
