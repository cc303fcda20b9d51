"""What the terminal is: its width, whether anybody watches, and how a table goes onto it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

from inferbench.files.terminal_text import visible
from inferbench.render.table import Table
from inferbench.render.terminal import render


def watched() -> bool:
    """Whether stdout is a terminal, so that progress and colours have a reader."""
    return sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def show(table: Table) -> None:
    """Print a table, with a blank line after it."""
    print(render(table, width(), color=watched() and "NO_COLOR" not in os.environ))


def say(text: str) -> None:
    """Print a sentence over as many lines as the terminal's width asks for."""
    print(textwrap.fill(visible(text), width(), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
