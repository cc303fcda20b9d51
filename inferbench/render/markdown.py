"""A table as GitHub Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from inferbench.files.terminal_text import visible
from inferbench.render.table import Table


def render(table: Table) -> str:
    """Render `table` with its title as a heading and its note below. Text from files stays text, never markup."""
    head = _row(plain(column.heading) for column in table.columns)
    rule = _row("---:" if column.align == "right" else ":---" for column in table.columns)
    body = "".join(_row(plain(cell) for cell in row) for row in table.rows)
    note = f"\n{plain(table.note)}\n" if table.note else ""
    return f"### {plain(table.title)}\n\n{head}{rule}{body}{note}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def plain(text: str) -> str:
    """Escape what Markdown or HTML would read as markup; a line break would end the row."""
    one_line = visible(" ".join(text.split()))
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", escape(one_line, quote=False))
