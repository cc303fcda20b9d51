"""The page in a real browser, with the network off: it draws every trace and the console stays silent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from report_factories import live_result, run_view

from inferbench.report.html import render_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DRAWN = """() => [...document.querySelectorAll("[data-figure]")].map(plot => ({
    key: plot.dataset.figure,
    asked: plot.data.filter(t => t.x.length).length,
    drawn: plot.querySelectorAll(".scatterlayer .trace, .barlayer .trace").length,
    width: plot.querySelector(".main-svg").getBoundingClientRect().width,
    room: plot.getBoundingClientRect().width,
}))"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_draws_offline_without_a_complaint(tmp_path: Path, width: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    file = tmp_path / "report.html"
    file.write_text(render_html(run_view(live=live_result())), encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
            page = context.new_page()
            complaints: list[str] = []
            requests: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-drawn]", state="attached")
            figures = page.evaluate(DRAWN)
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        finally:
            browser.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    assert len(figures) == 6
    for figure in figures:
        assert figure["drawn"] == figure["asked"] > 0, figure
        assert 0 < figure["width"] <= figure["room"] + 1, figure
    assert overflow <= 0
