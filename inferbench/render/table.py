"""The value that every table is before it becomes terminal text, Markdown or HTML."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True)
class Column:
    """One column: what stands in it, in which unit, and how soon a narrow place may leave it out."""

    name: str
    unit: str = ""
    align: Align = "right"
    priority: int = 0
    """0: always shown. Where space is short the highest priority goes first."""
    short: str = ""
    """Name where space is short; empty: the same."""
    whole: bool = False
    """Its cells are copied, such as names of runs: they are broken only where the place is narrower than usual."""

    @property
    def heading(self) -> str:
        """Name and unit."""
        return f"{self.name} {self.unit}".strip()

    def shortened(self) -> Column:
        """This column under its short name."""
        return replace(self, name=self.short or self.name)


@dataclass(frozen=True)
class Table:
    """A table of text. Every row has one cell per column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """What a reader must know to read it: basis, abbreviations, marks."""
    keys: int = 1
    """Leading columns that name a row; a narrow place repeats them where it splits the table."""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: row {number} has {len(row)} cells for {len(self.columns)} columns")
