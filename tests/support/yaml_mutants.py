"""Files with a fault: a key less, a value of another kind or size, a list twice as long, two keys changed about."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
POOL: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 64, 10**6, 10**9, 2**63 - 1, 2**64, 10**30, -(10**18), 0.0, -1.5, 0.5, 1e-300,
    1e300, " ", float("nan"), float("inf"), "", "x", "no", "../x", "a/b", "a" * 300, "con", "a.", "é", "e\u0301",
    "\x1b[31m", "a\nb", "2026-02-30", "2026-05-01", "1e6", "$(touch made)", [], {}, [1, 1], [[]], {"a": 1}, "9" * 50,
)  # fmt: skip


def mutants(data: dict[str, Any], n: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """So many faulty copies of a file's data, each with the words that say what was done to it."""
    for index in range(n):
        rng = random.Random(f"{seed}-{index}")
        copied = copy.deepcopy(data)
        said = [_change(copied, rng) for _ in range(rng.choice((1, 1, 1, 2)))]
        yield f"{seed}-{index}: {', '.join(said)}", copied


def _change(data: dict[str, Any], rng: random.Random) -> str:
    by_keys: dict[Path, list[Path]] = {}
    for path in _paths(data, ()):
        by_keys.setdefault(tuple(part for part in path if isinstance(part, str)), []).append(path)
    *above, last = rng.choice(by_keys[rng.choice(sorted(by_keys, key=str))])
    parent: Any = data
    for part in above:
        parent = parent[part]
    what = rng.choice(("delete", "set", "set", "set", "scale", "twice", "rename", "wrap"))
    value = parent[last]
    if what == "delete":
        del parent[last]
    elif what == "rename" and isinstance(parent, dict):
        parent[rng.choice(("x", "", "a b", str(last).upper()))] = parent.pop(last)
    elif what == "twice" and isinstance(value, list):
        parent[last] = value + copy.deepcopy(value)
    elif what == "scale" and isinstance(value, (int, float)):
        parent[last] = rng.choice((value * 1000, -value, value + 1, value / 3, float(value), str(value)))
    elif what == "wrap":
        parent[last] = rng.choice(([value], {"x": value}, str(value)))
    else:
        parent[last] = copy.deepcopy(rng.choice(POOL))
    return f"{what} {'.'.join(map(str, (*above, last)))}"


def _paths(data: Any, at: Path) -> Iterator[Path]:
    if at:
        yield at
    if isinstance(data, (dict, list)):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield from _paths(data[key], (*at, key))
