"""`inferbench dashboard` as a process."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from dashboard_browser import serving


def test_the_server_ends_with_the_command(tmp_path: Path) -> None:
    with serving(tmp_path) as url, urllib.request.urlopen(f"{url}/_stcore/health") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=30)
