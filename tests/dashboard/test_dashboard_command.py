"""`inferbench dashboard` as a process."""

from __future__ import annotations

import gzip
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from inferbench.render.page import scripts
from tests.support.dashboard_browser import serving


def test_the_server_ends_with_the_command(tmp_path: Path) -> None:
    with serving(tmp_path) as url, urllib.request.urlopen(f"{url}/_stcore/health") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=30)


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_every_page_brings_plotly_which_may_be_kept_for_good(tmp_path: Path, packing: str) -> None:
    unpack = gzip.decompress if packing == "gzip" else bytes
    with serving(tmp_path) as url:
        for place in ("/", "/frontier"):
            asked = urllib.request.Request(url + place, headers={"Accept": "text/html", "Accept-Encoding": packing})
            with urllib.request.urlopen(asked) as page:
                (address,) = re.findall(r'<script defer src="([^"]+)"></script></head>', page.read().decode())
        asked = urllib.request.Request(url + address, headers={"Accept-Encoding": packing})
        with urllib.request.urlopen(asked) as script:
            assert "immutable" in script.headers["Cache-Control"]
            assert unpack(script.read()).decode().endswith(scripts()[0])
