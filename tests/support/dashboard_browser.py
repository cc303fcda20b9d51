"""The dashboard in a real browser: one server and one browser for all tests."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.browsers import CHROMIUM, FLAGS

SCREENSHOTS = Path(__file__).parents[2] / "artefacts" / "dashboard"
"""Kept for whoever looks; not in git."""
PATIENCE_MS = 120_000
"""A busy machine of two cores may take its time; a test that fails for it says nothing."""
SETTLED = '[data-testid="stApp"][data-test-script-state="notRunning"]'
DRAWN = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => ({
    asked: plot._fullData.filter(t => t._length).length,
    drawn: plot.querySelectorAll(
        '.scatterlayer .trace, .barlayer .trace, .boxlayer .trace, .waterfalllayer .trace'
    ).length + plot.data.filter(t => t.type === 'scattergl').length,
    width: plot.querySelector('.main-svg').getBoundingClientRect().width,
    room: plot.getBoundingClientRect().width,
}))"""
OVERFLOW = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    return main.scrollWidth - main.clientWidth;
}"""


@contextmanager
def serving(store: Path) -> Iterator[str]:
    """The dashboard's own command on a free port of the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "inferbench", "dashboard", "--store", str(store), "--port", str(port)]
    with subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for line in process.stdout:  # it says so when it listens, and ends where it cannot
            if b"URL" in line:
                break
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:  # it waits for windows that are still open
                process.kill()
            process.stdout.close()


@dataclass
class Seen:
    """A window on the dashboard, and what the browser complained of."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def _heard(self, message: Any) -> None:
        # A deep link makes Streamlit look for its server below the view's own path first, and be told 404.
        if message.type == "error" and "404" not in message.text:
            self.complaints.append(message.text)

    def _failed(self, request: Any) -> None:
        if "/media/" not in request.url:  # a download: the browser leaves the page's request for it
            self.complaints.append(f"failed: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and "/_stcore/" not in response.url:
            self.complaints.append(f"{response.status}: {response.url}")

    def open(self, link: str = "/") -> None:
        """Open a link and wait until the view has settled."""
        self.page.goto(self.url + link)
        self.settle()

    def settle(self, charts: int = 1) -> None:
        """Wait until the script has ended and all charts, so many at least, are drawn."""
        self.page.wait_for_selector(SETTLED)
        self.page.wait_for_function(
            """n => {
                const plots = [...document.querySelectorAll('.inferbench-plot')];
                return plots.length >= n && plots.every(plot => plot.querySelector('.main-svg'));
            }""",
            arg=charts,
        )

    def words(self) -> str:
        """All that the view says."""
        return str(self.page.inner_text('[data-testid="stMain"]'))

    def drawn(self) -> list[dict[str, Any]]:
        """What became of each chart."""
        return list(self.page.evaluate(DRAWN))

    def overflow(self) -> int:
        """Pixels that the view is wider than its window."""
        return int(self.page.evaluate(OVERFLOW))

    def shoot(self, name: str) -> None:
        """Keep a screenshot of the whole view."""
        height = self.page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": size["width"], "height": min(max(height, size["height"]), 6_000)})
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        self.page.set_viewport_size(size)


@contextmanager
def browsing() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
