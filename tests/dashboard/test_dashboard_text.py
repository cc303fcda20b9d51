"""Text from files, where Streamlit reads Markdown."""

from __future__ import annotations

import sys

import pytest

from tests.support.apps import DASHBOARD

MARKUP = (
    "**b**",
    "<b>",
    "[a](b)",
    "$x$",
    ":smile:",
    "`c`",
    "# h",
    "![i](u)",
    "&lt;",
    ":red[x]",
    "1. a",
    "- a",
    "~~s~~",
)


@pytest.mark.parametrize("text", MARKUP)
def test_every_mark_is_escaped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.syspath_prepend(str(DASHBOARD))
    monkeypatch.delitem(sys.modules, "text", raising=False)
    from text import plain  # type: ignore[import-not-found]

    escaped = plain(text)
    assert escaped.replace("\\", "") == text
    for mark in set(text) & set("*<>[]()$:`#!&~.-"):
        assert escaped.count(mark) == escaped.count(f"\\{mark}")


@pytest.mark.parametrize("text", ["https://a.example/b", "www.a.example", "a@b.example"])
def test_an_address_is_broken_and_looks_the_same(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.syspath_prepend(str(DASHBOARD))
    from text import plain  # type: ignore[import-not-found]

    shown = plain(text).replace("\\", "")
    assert text not in shown
    assert shown.replace("\N{WORD JOINER}", "") == text
