"""Each view in headless Chromium: what is drawn, what is said, that links hold, and that the console stays silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferbench.store.manifest import RunState
from tests.support.apps import HOSTILE
from tests.support.browsers import needs_browser
from tests.support.dashboard_browser import Seen, browsing, serving
from tests.support.store_factories import NOISE, write_run

pytestmark = [pytest.mark.browser, needs_browser]

VIEWS = {
    "overview": "/",
    "frontier": "/frontier",
    "frontier-cost": "/frontier?y=cost&x=e2el_p50&logx=true",
    "tco": "/tco",
    "tco-break-even": "/tco?look=Break-even",
    "tco-books": "/tco?look=Price+books",
    "tco-fleet": "/tco?look=Fleet+and+bill",
    "compare": "/compare",
    "run": "/run",
    "run-points": "/run?look=All+points",
    "ablation": "/ablation",
    "claims": "/claims",
}
NIGHTLY = {"live": "/live", "regressions": "/regressions"}
PULL_REQUEST = "https://git.example/o/r/pull/7"
WIDTHS = {"light": 1280, "dark": 390}
"""Every view at both widths and in both themes, in two windows instead of four."""


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    with serving(store) as address:
        yield address


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store of ten nights, of which the last five lost a tenth, and of a run that is going on."""
    place = tmp_path_factory.mktemp("nightly")
    for night, noise in enumerate((*NOISE, *NOISE)):
        tput, began = (1.0 if night < 5 else 0.9) * noise, 1.79e9 + 86_400 * night
        write_run(place, f"n{night}", tput=tput, seed=night, began=began, pull_request=PULL_REQUEST)
    going = write_run(place, "now", began=1.8e9, state=RunState.RUNNING)
    with going.lock(), serving(place) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with browsing() as found:
        yield found


@pytest.fixture
def window(browser: Any, url: str) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield Seen(context.new_page(), url)
    context.close()


@pytest.mark.parametrize("theme", WIDTHS)
def test_every_view_draws_in_its_room_and_in_silence(browser: Any, url: str, theme: str) -> None:
    _look_at(browser, url, theme, VIEWS)


@pytest.mark.parametrize("theme", WIDTHS)
def test_live_and_regressions_draw_in_their_room_and_in_silence(browser: Any, nightly: str, theme: str) -> None:
    _look_at(browser, nightly, theme, NIGHTLY)


def test_a_loss_is_marked_in_the_history_and_leads_to_its_pull_request(browser: Any, nightly: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    seen = Seen(context.new_page(), nightly)
    seen.open("/regressions")
    seen.settle(charts=3)
    history = seen.page.locator(".js-plotly-plot").first
    assert history.locator(".points .point").count() == 10
    assert "worse" in str(history.locator(".annotation").text_content())
    assert "REGRESSED" in seen.words()
    link = seen.page.get_by_role("link", name="The pull request of n5")
    assert link.get_attribute("href") == PULL_REQUEST
    seen.page.get_by_role("link", name="Live").click()
    seen.page.wait_for_url("**/live*")
    seen.page.get_by_text("2 sweep points so far").wait_for()
    context.close()
    assert seen.complaints == []


def _look_at(browser: Any, url: str, theme: str, views: dict[str, str]) -> None:
    context = browser.new_context(viewport={"width": WIDTHS[theme], "height": 900}, color_scheme=theme)
    seen = Seen(context.new_page(), url)
    for name, link in views.items():
        seen.open(link)
        for chart in seen.drawn():
            assert chart["drawn"] == chart["asked"] > 0, (name, chart)
            assert 0 < chart["width"] <= chart["room"] + 1, (name, chart)
        assert seen.overflow() <= 0, name
        seen.shoot(f"{name}-{WIDTHS[theme]}-{theme}")
    context.close()
    assert seen.complaints == []


def test_one_clicks_from_the_answer_to_a_point_and_back_to_its_run(window: Seen) -> None:
    window.open("/")
    assert "Which is cheaper?" in window.words()
    window.page.get_by_role("link", name="Frontier").click()
    window.page.wait_for_url("**/frontier*")
    window.settle()
    # The topmost element at a point of Plotly's is its drag layer, which finds the nearest marker by itself.
    box = window.page.locator(".scatterlayer .trace .point").last.bounding_box()
    window.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    window.page.wait_for_selector(".hoverlayer .hovertext")
    window.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    link = window.page.get_by_role("link", name="Open its run")
    link.wait_for()
    assert "topology" in window.words()
    link.click()
    window.page.wait_for_url("**/run?*run=*")
    window.settle()
    assert window.complaints == []


def test_text_of_a_run_is_shown_and_never_run(window: Seen) -> None:
    window.open("/")
    assert HOSTILE in window.words()
    assert window.page.locator("script", has_text="alert(1)").count() == 0
    window.open("/claims")  # whose sources are addresses
    assert "https" in window.words()
    assert window.page.locator('[data-testid="stMain"] a[href^="http"]').count() == 0
    assert window.complaints == []


def test_a_moved_slider_is_in_the_link_and_the_link_brings_it_back(window: Seen) -> None:
    window.open("/tco")
    before = window.page.locator("h3").first.inner_text()
    slider = window.page.locator('[data-testid="stMain"] input[type="range"]').first
    slider.focus()
    window.page.keyboard.press("ArrowRight")
    window.page.wait_for_url("**pace=*")
    window.page.wait_for_function("text => document.querySelector('h3').innerText !== text", arg=before)
    window.settle()
    after, link = window.page.locator("h3").first.inner_text(), window.page.url
    window.page.goto("about:blank")
    window.page.goto(link)
    window.settle()
    assert window.page.locator("h3").first.inner_text() == after != before
    assert window.complaints == []


def test_a_link_that_brings_rubbish_is_cleaned(window: Seen) -> None:
    window.open("/frontier?gpu=abacus&y=%3Cscript%3E&from=never")
    assert "abacus, which is not here" in window.words() + window.page.inner_text('[data-testid="stSidebar"]')
    window.page.wait_for_function("!location.search.includes('abacus')")
    assert window.complaints == []


def test_a_view_is_saved_as_a_page_of_its_own(window: Seen, tmp_path: Path) -> None:
    window.open("/compare")
    window.page.get_by_text("Save this view").click()
    with window.page.expect_download() as waiting:
        window.page.get_by_text("The view as one HTML file").click()
    saved = tmp_path / "view.html"
    waiting.value.save_as(saved)
    window.page.goto(saved.as_uri())
    window.page.wait_for_selector("html[data-drawn]", state="attached")
    assert window.page.locator(".js-plotly-plot .main-svg").count() > 0
    assert "<script>alert(1)" not in saved.read_text()
    assert window.complaints == []
