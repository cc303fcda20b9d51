"""Which addresses may become links."""

from __future__ import annotations

import pytest

from inferbench.files.web_addresses import LONGEST, web_address


@pytest.mark.parametrize("address", ["https://git.example/o/r/pull/7", "http://127.0.0.1:8080/x?y=1#z"])
def test_addresses_of_the_web_stay_as_they_are(address: str) -> None:
    assert web_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        None, "", "javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x", "ftp://x/y", "//x/y", "/x",
        "https://", "http://user:secret@x/", "https://x/ y", "https://x/\ny", "http://[x", "https://x/" + "y" * LONGEST,
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str | None) -> None:
    assert web_address(text) is None
