"""The table of `make test-real`: what was run on which engine, and how it agreed."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- real: begin -->", "<!-- real: end -->"
HEAD = "| engine | version | requests | tokens, by client and server | what else was seen | on |\n" + "|---" * 6 + "|"
VARIABLE = "INFERBENCH_REAL_TABLE"
"""Names the page that the table goes into."""


@dataclass(frozen=True)
class Row:
    """One engine under one load."""

    engine: str
    version: str
    requests: str
    tokens: str
    seen: str

    def line(self, day: datetime.date) -> str:
        cells = (self.engine, self.version, self.requests, self.tokens, self.seen, day.isoformat())
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


class RealTable:
    """Rows by engine, in the order of the tests."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def add(self, row: Row) -> None:
        self._lines[row.engine] = row.line(datetime.datetime.now(tz=datetime.UTC).date())

    def write(self) -> None:
        """Put the rows between the marks of the page, where one was named; rows of what was not run now are kept."""
        if not self._lines or VARIABLE not in os.environ:
            return
        page = Path(os.environ[VARIABLE])
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        old, _, after = rest.partition(END)
        kept = {line[2:].partition(" | ")[0]: line for line in old.splitlines() if line.startswith("| ")}
        kept.pop("engine", None)
        table = "\n".join([HEAD, *(kept | self._lines).values()])
        page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
