"""How soon the dashboard paints, and how soon it follows a filter: python benchmarks/dashboard_speed.py [RUNS POINTS].

A store of 1,000 runs with 100,000 points, all of which pass the filters. Times are taken inside the browser, from the
start of the navigation, or from the click, to the frame after Plotly has drawn. The store's index is written as a
first listing leaves it; the run directories hold their manifests.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browsers import CHROMIUM, FLAGS
from store_factories import write_run

from inferbench.store import layout
from inferbench.store.index import COLUMNS, INDEX_FILE, refresh
from inferbench.store.places import DirectoryPlace

ROUNDS = 7
GPUS = {"mi355x": 1.0, "b200": 1.1, "h200": 0.5, "mi300x": 0.45}
FRAMEWORKS = ("sglang", "vllm", "dynamo-trtllm")
WATCH = """
window.__drawn = 0;
const wait = () => {
    const plot = document.querySelector('.js-plotly-plot');
    if (!plot || !plot.on || !plot.querySelector('.main-svg')) return requestAnimationFrame(wait);
    requestAnimationFrame(() => { window.__first = performance.now(); });
};
wait();
"""
CLICK = """
label => new Promise(done => {
    const plot = document.querySelector('.js-plotly-plot');
    const size = () => plot._fullData.reduce((n, t) => n + t._length, 0);
    const before = size();
    const labels = [...document.querySelectorAll('[data-testid="stCheckbox"] label')];
    const target = labels.find(l => l.innerText.includes(label));
    const began = performance.now();
    const look = () => size() !== before
        ? requestAnimationFrame(() => done([performance.now() - began, before, size()]))
        : requestAnimationFrame(look);
    target.click();
    look();
})
"""


def point(rng: np.random.Generator, run: int, number: int) -> dict[str, Any]:
    gpu = list(GPUS)[run % len(GPUS)]
    load = float(rng.uniform(1, 400))
    pace = 280 / (1 + (load / 9) ** 0.7) * float(rng.normal(1, 0.05))
    tput = GPUS[gpu] * 9000 * load / (load + 60) * float(rng.normal(1, 0.05))
    return {
        "point": f"d.t{number}.c{int(load)}", "deployment": "d", "topology": f"t{number}", "concurrency": int(load) + 1,
        "gpus": 16, "prefill_gpus": 8, "origin": "measured" if run % 3 else "simulated", "model": "deepseek-r1-0528",
        "gpu": gpu, "framework": FRAMEWORKS[run // 4 % 3], "precision": "fp4" if run % 2 else "fp8",
        "speculation": "mtp" if run % 5 else "none", "launch": "prefill 1x8 GPUs TP8, decode 1x8 GPUs TP8",
        "isl": 8192, "osl": 1024, "planned": 100, "ok": 100, "failed": 0, "output_tput_per_gpu": tput / 9,
        "input_tput_per_gpu": tput * 8 / 9, "tput_per_gpu": tput, "interactivity": pace, "tpot_p50": 1000 / pace,
        "ttft_p50": 200 + 9 * load, "ttft_p99": 400 + 30 * load, "e2el_p50": 1e6 / pace, "at_unix": 1.79e9 + 3600 * run,
        "partial": False, "client_valid": True,
    }  # fmt: skip


def make_store(store: Path, runs: int, points: int) -> None:
    rng = np.random.default_rng(0)
    manifest = (write_run(store, "r0").path / layout.MANIFEST).read_bytes()
    (first,) = refresh(DirectoryPlace(store)).table.to_pylist()
    rows = []
    for run in range(runs):
        path = store / "s" / f"r{run}"
        path.mkdir(parents=True, exist_ok=True)
        (path / layout.MANIFEST).write_bytes(manifest)
        own = [point(rng, run, number) for number in range(points // runs)]
        rows.append(
            first | {"name": f"s/r{run}", "run_id": f"r{run}", "began_unix": 1.79e9 + 3600 * run, "points": own}
            | {"n_points": len(own), "scenario_sha256": None}
        )  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=COLUMNS).sort_by("name")
    pq.write_table(table, store / INDEX_FILE, compression="zstd")


@contextmanager
def serving(store: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "inferbench", "dashboard", "--store", str(store), "--port", str(port)]
    process = subprocess.Popen([*command, "--no-browser"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def first_paint(page: Page, address: str) -> float:
    page.goto(address)
    page.wait_for_function("window.__first !== undefined", timeout=60_000)
    return float(page.evaluate("window.__first"))


def main() -> None:
    runs, points = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (1_000, 100_000)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as driver:
        store = Path(directory)
        make_store(store, runs, points)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with serving(store) as url:
            paints: dict[str, list[float]] = {"first after the start": [], "a new window": []}
            for number in range(1 + ROUNDS):
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                page.add_init_script(WATCH)
                name = "a new window" if number else "first after the start"
                paints[name].append(first_paint(page, f"{url}/frontier?every=true"))
                if number < ROUNDS:
                    page.context.close()
            page.wait_for_selector('[data-test-script-state="notRunning"]')
            changes: list[list[float]] = []
            for _ in range(ROUNDS):
                for label in ("Fronts only", "Fronts only"):
                    changes.append(page.evaluate(CLICK, label))
                    page.wait_for_selector('[data-test-script-state="notRunning"]')
            drawn = int(max(max(before, after) for _, before, after in changes))
            print(f"{runs:,} runs, {points:,} points; {drawn:,} drawn")
            for name, times in paints.items():
                print(f"first paint, {name}: median {statistics.median(times) / 1e3:.2f} s")
            milliseconds = [change[0] for change in changes]
            print(f"filter change: median {statistics.median(milliseconds):.0f} ms, worst {max(milliseconds):.0f} ms")
            print(json.dumps({"paints_ms": paints, "changes_ms": milliseconds}))
        browser.close()


if __name__ == "__main__":
    main()
