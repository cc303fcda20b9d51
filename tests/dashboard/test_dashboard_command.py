"""`inferbench dashboard` as a process."""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from dashboard_browser import serving

from inferbench.report.html import scripts


def test_the_server_ends_with_the_command(tmp_path: Path) -> None:
    with serving(tmp_path) as url, urllib.request.urlopen(f"{url}/_stcore/health") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=30)


def test_the_page_announces_plotly_which_may_be_kept_for_good(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        with urllib.request.urlopen(f"{url}/frontier") as page:
            address = page.headers["Link"].partition(">")[0].lstrip("<")
        for accepted, unpack in (("identity", bytes), ("gzip", gzip.decompress)):
            asked = urllib.request.Request(url + address, headers={"Accept-Encoding": accepted})
            with urllib.request.urlopen(asked) as script:
                assert "immutable" in script.headers["Cache-Control"]
                assert unpack(script.read()).decode() == scripts()[0]
