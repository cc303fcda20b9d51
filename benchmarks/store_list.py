"""How long listing 10,000 runs takes, as a ratio to reading their index alone: python benchmarks/store_list.py [RUNS].

Both are measured in turns in one process, and the least of each counts: on a shared machine noise only adds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from inferbench.records import layout
from inferbench.store.index import INDEX_FILE
from inferbench.store.operations import LISTED, list_runs
from tests.support.store_factories import write_run

ROUNDS = 7


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def make_runs(store: Path, runs: int) -> None:
    """Run directories with a manifest and summaries, a hundred to a scenario."""
    first = write_run(store, "r0", scenario="s0")
    files = {name: (first.path / name).read_bytes() for name in (layout.MANIFEST, layout.SUMMARY)}
    for number in range(1, runs):
        path = store / f"s{number // 100}" / f"r{number}"
        path.mkdir(parents=True)
        for name, content in files.items():
            (path / name).write_bytes(content)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory)
        make_runs(store, runs)
        rebuild = seconds(lambda: list_runs(store))
        index = store / INDEX_FILE
        timed = [
            (
                seconds(lambda: pq.ParquetFile(index).read(columns=list(LISTED)).to_pylist()),
                seconds(lambda: list_runs(store)),
            )
            for _ in range(ROUNDS)
        ]
        read, listed = (min(times) for times in zip(*timed, strict=True))
        print(f"{runs:,} runs: index made from the directories in {rebuild:.1f} s, {index.stat().st_size / 1e6:.2f} MB")
        print(f"reading the index {1e3 * read:.0f} ms, listing {1e3 * listed:.0f} ms: ratio {listed / read:.2f}")


if __name__ == "__main__":
    main()
