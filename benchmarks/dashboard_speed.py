"""How soon the dashboard paints, and how soon it follows a filter: python benchmarks/dashboard_speed.py [RUNS POINTS].

A store of 1,000 runs with 100,000 points, all of which pass the filters. Times are taken inside the browser, from the
start of the navigation, or from the click, to the frame after Plotly has drawn. Beside them stand those of a bare
Streamlit page with one toggle and a chart of three points, taken in turns: what no application can be faster than on
this machine at this hour. The store's index is written as a first listing leaves it; the run directories hold their
manifests.
"""

from __future__ import annotations

import os
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
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from inferbench.records import layout
from inferbench.store.index import COLUMNS, INDEX_FILE, refresh
from inferbench.store.storage_backends import DirectoryBackend
from tests.support.browsers import CHROMIUM, FLAGS
from tests.support.store_factories import write_run

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
BARE = """
import streamlit as st
n = 2 if st.toggle("Fronts only") else 3
st.plotly_chart({"data": [{"type": "scatter", "x": list(range(n)), "y": list(range(n))}]}, key="chart")
"""
CLICK = """
window.__change = new Promise((done, failed) => {
    setTimeout(() => failed(new Error('the chart did not follow the filter')), 60_000);
    let before = 0;
    const size = () => {
        const drawn = document.querySelector('.js-plotly-plot')?._fullData;  // none while a chart is being replaced
        return drawn ? drawn.filter(t => t.mode.includes('markers')).reduce((n, t) => n + t._length, 0) : before;
    };
    before = size();
    document.addEventListener('pointerdown', () => {
        const began = performance.now();
        const look = () => size() !== before
            ? requestAnimationFrame(() => done([performance.now() - began, before, size()]))
            : requestAnimationFrame(look);
        look();
    }, {capture: true, once: true});
});
0
"""
"""From the finger's touch to the frame after Plotly holds another number of points."""


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
    (first,) = refresh(DirectoryBackend(store)).table.to_pylist()
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
def serving(command: list[str]) -> Iterator[str]:
    """Start a server on a free port and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
        process.kill()
        process.wait()


def window(browser: Browser) -> Page:
    """A window without anything cached."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(WATCH)
    page.set_default_timeout(60_000)
    return page


def first_paint(browser: Browser, address: str) -> float:
    """Milliseconds from the start of the navigation to the first chart."""
    page = window(browser)
    page.goto(address)
    page.wait_for_function("window.__first !== undefined")
    found = float(page.evaluate("window.__first"))
    page.context.close()
    return found


def change(page: Page) -> tuple[float, int]:
    """Milliseconds from touching a filter to the frame after its chart, and how many points were drawn at most."""
    page.bring_to_front()  # a window in the background draws no frames
    page.wait_for_selector('[data-test-script-state="notRunning"]')
    page.evaluate(CLICK)
    page.get_by_text("Fronts only").click()
    took, before, after = page.evaluate("window.__change")
    return float(took), int(max(before, after))


def opened(browser: Browser, address: str) -> Page:
    """A window that has painted."""
    page = window(browser)
    page.goto(address)
    page.wait_for_function("window.__first !== undefined")
    return page


def main() -> None:
    runs, points = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (1_000, 100_000)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as driver:
        store, bare_app = Path(directory) / "store", Path(directory) / "bare.py"
        make_store(store, runs, points)
        bare_app.write_text(BARE)
        ours = [sys.executable, "-m", "inferbench", "dashboard", "--store", str(store), "--no-browser", "--port"]
        theirs = [sys.executable, "-m", "streamlit", "run", str(bare_app), "--server.headless=true", "--server.port"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with serving(ours) as dashboard, serving(theirs) as bare:
            view = f"{dashboard}/frontier?every=true"
            cold = first_paint(browser, view), first_paint(browser, bare)
            paints = [(first_paint(browser, view), first_paint(browser, bare)) for _ in range(ROUNDS)]
            pages = opened(browser, view), opened(browser, bare)
            found = [[change(page) for page in pages] for _ in range(2 * ROUNDS)]
        browser.close()
    changes = [(a[0], b[0]) for a, b in found]
    print(f"{runs:,} runs, {points:,} points; {max(a[1] for a, _ in found):,} drawn, load {os.getloadavg()[0]:.1f}")
    say("first paint, first after the start", [cold])
    say("first paint, a new window", paints)
    say("filter change", changes)


def say(what: str, times: list[tuple[float, float]]) -> None:
    """Medians and leasts, the dashboard's and the bare page's: on a shared machine noise only adds."""
    ours, theirs = zip(*times, strict=True)
    print(
        f"{what}: median {statistics.median(ours):.0f} ms, least {min(ours):.0f} ms; "
        f"bare page {statistics.median(theirs):.0f} ms, {min(theirs):.0f} ms"
    )


if __name__ == "__main__":
    main()
