"""The page in a real browser, with the network off: it draws every trace and the console stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.runs.report.page import render_html
from tests.support.browsers import needs_browser
from tests.support.report_browser import assert_drawn_offline
from tests.support.report_factories import live_result, run_view


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_draws_offline_without_a_complaint(tmp_path: Path, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(render_html(run_view(live=live_result())), encoding="utf-8")
    assert len(assert_drawn_offline(file, width)) == 6
