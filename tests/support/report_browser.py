"""A page in a real browser, with the network off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.browsers import CHROMIUM, FLAGS

DRAWN = """() => [...document.querySelectorAll("[data-figure]")].map(plot => ({
    key: plot.dataset.figure,
    asked: plot.data.filter(t => t.x.length).length,
    drawn: plot.querySelectorAll(".scatterlayer .trace, .barlayer .trace, .waterfalllayer .trace").length,
    width: plot.querySelector(".main-svg").getBoundingClientRect().width,
    room: plot.getBoundingClientRect().width,
}))"""


@dataclass(frozen=True)
class Shown:
    """What the browser made of a page: its charts, how far it is wider than the window, what it said and fetched."""

    figures: list[dict[str, Any]]
    overflow: int
    complaints: list[str]
    fetched: list[str]


def show(file: Path, width: int) -> Shown:
    """Open a page in a window of this width and wait until it says that it has drawn."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    complaints: list[str] = []
    requests: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            page = browser.new_context(viewport={"width": width, "height": 900}, offline=True).new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-drawn]", state="attached")
            figures = page.evaluate(DRAWN)
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        finally:
            browser.close()
    return Shown(figures, overflow, complaints, [u for u in requests if not u.startswith(("data:", "blob:"))])


def assert_drawn_offline(file: Path, width: int) -> list[str]:
    """Every trace is drawn, in its room, in silence, from this file alone. Returns the keys of the charts."""
    shown = show(file, width)
    assert shown.complaints == [], shown.complaints
    assert shown.fetched == [file.as_uri()], shown.fetched
    for figure in shown.figures:
        assert figure["drawn"] == figure["asked"] > 0, figure
        assert 0 < figure["width"] <= figure["room"] + 1, figure
    assert shown.overflow <= 0
    return [figure["key"] for figure in shown.figures]
