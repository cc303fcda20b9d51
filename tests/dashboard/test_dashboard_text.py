"""Text from files, where Streamlit reads Markdown."""

from __future__ import annotations

import pytest

from dashboard.text import plain

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
def test_every_mark_is_escaped(text: str) -> None:
    escaped = plain(text)
    assert escaped.replace("\\", "") == text
    for mark in set(text) & set("*<>[]()$:`#!&~.-"):
        assert escaped.count(mark) == escaped.count(f"\\{mark}")


@pytest.mark.parametrize("text", ["https://a.example/b", "www.a.example", "a@b.example"])
def test_an_address_is_broken_and_looks_the_same(text: str) -> None:
    shown = plain(text).replace("\\", "")
    assert text not in shown
    assert shown.replace("\N{WORD JOINER}", "") == text
