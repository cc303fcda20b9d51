"""A table as terminal text that fits a given width."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from inferbench.files.terminal_text import one_visible_line, visible
from inferbench.render.table import Table

USUAL_WIDTH = 80
"""Columns that a terminal has, if not more."""
MIN_WIDTH = 40
"""Columns that are always assumed to be there."""
WHOLE = 20
"""Cells up to this width are kept on one line; longer ones are prose and may wrap between words."""
LONGEST = 28
"""Words up to this width are never broken: every number is far shorter."""
LONGEST_WHOLE = USUAL_WIDTH - LONGEST
"""Cells up to this width are kept on one line where the column says so; there is room for a word beside them."""
_STYLES = {"CHEAPER": "bold green", "UNDECIDED": "yellow", "INVALID": "bold red", "partial": "yellow"}


def render(table: Table, width: int, color: bool = True) -> str:
    """Render `table` in at most `width` columns (40 at least), with ANSI colours or without any codes.

    Cells break between words only, so a number is never broken. Where not even that fits, columns are left out
    by their priority and named below the table; where none may be left out, the rest goes into further blocks
    that repeat the key columns.
    """
    table, width = _visible(table), max(width, MIN_WIDTH)
    if width < USUAL_WIDTH:
        table = replace(table, columns=tuple(replace(column, whole=False) for column in table.columns))
    fitted, shown = _fit(table, width)
    dropped = [column.heading for index, column in enumerate(table.columns) if index not in shown]
    # The output depends on the arguments alone: no environment, no terminal is asked.
    console = Console(
        file=StringIO(), width=width, color_system="standard" if color else None, force_terminal=color, _environ={}
    )
    with console.capture() as capture:
        console.print(Text(table.title, style="bold"))
        for block in _blocks(fitted, shown, width):
            console.print(_rich(fitted, block, width))
        for note in (table.note, f"Left out at this width: {', '.join(dropped)}." if dropped else ""):
            if note:
                console.print(Text(note, style="dim"))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _visible(table: Table) -> Table:
    """A table whose texts, some of which come from files and servers, do not steer the terminal."""
    return replace(
        table,
        title=one_visible_line(table.title),
        columns=tuple(replace(c, name=visible(c.name), short=visible(c.short)) for c in table.columns),
        rows=tuple(tuple(map(visible, row)) for row in table.rows),
        note=visible(table.note),
    )


def _words(text: str) -> int:
    """Width of the longest word; one beyond `LONGEST` is a name that may be folded."""
    return min(max((cell_len(word) for word in text.split()), default=0), LONGEST)


def _lines(table: Table, index: int) -> list[str]:
    """The texts of a column: its name and its unit, which stand on lines of their own, and its cells."""
    column = table.columns[index]
    return [column.name, column.unit, *(row[index] for row in table.rows)]


def _least(table: Table, index: int) -> int:
    """The narrowest that a column can be: no word is broken, and a short cell stays on one line."""
    cells = [row[index] for row in table.rows]
    most = LONGEST_WHOLE if table.columns[index].whole else WHOLE
    kept_whole = [cell_len(cell) for cell in cells if cell_len(cell) <= most]
    return max([_words(table.columns[index].heading), *map(_words, cells), *kept_whole])


def _needed(table: Table, columns: list[int]) -> int:
    """Width of the columns at their narrowest, one space between them."""
    return sum(_least(table, index) + 1 for index in columns) - 1


def _fit(table: Table, width: int) -> tuple[Table, list[int]]:
    """Shorten headings, then leave out columns of the highest priorities, until the rest fits.

    Returns the table and the indices of the columns that are shown.
    """
    shown = list(range(len(table.columns)))
    if _needed(table, shown) > width:
        table = replace(table, columns=tuple(column.shortened() for column in table.columns))
    for priority in sorted({column.priority for column in table.columns} - {0}, reverse=True):
        if _needed(table, shown) <= width:
            break
        shown = [index for index in shown if table.columns[index].priority != priority]
    return table, shown


def _blocks(table: Table, shown: list[int], width: int) -> list[list[int]]:
    """Split the columns into blocks that fit, each with the key columns first."""
    keys, rest = shown[: table.keys], shown[table.keys :]
    blocks = [list(keys)]
    for index in rest:
        if len(blocks[-1]) > len(keys) and _needed(table, [*blocks[-1], index]) > width:
            blocks.append(list(keys))
        blocks[-1].append(index)
    return blocks


def _widths(table: Table, columns: list[int], room: int) -> list[int]:
    """Width of each column: what it needs, and from what is left as much as its longest cell can use."""
    widths = {index: _least(table, index) for index in columns}
    spare = room - sum(widths.values())
    wish = {index: max(map(cell_len, _lines(table, index))) - widths[index] for index in columns}
    # Prose first, since it folds into the most lines.
    for index in sorted(columns, key=lambda i: -wish[i]):
        grown = max(min(spare, wish[index]), 0)
        widths[index] += grown
        spare -= grown
    return [widths[index] for index in columns]


def _rich(table: Table, columns: list[int], width: int) -> RichTable:
    gap = 2 if _needed(table, columns) + len(columns) - 1 <= width else 1
    rendered = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0))
    # Widths are set here, since rich would shrink the widest column even where a number stands in it.
    for index, room in zip(columns, _widths(table, columns, width - gap * (len(columns) - 1)), strict=True):
        column = table.columns[index]
        rendered.add_column(
            Text(f"{column.name}\n{column.unit}".strip()),
            justify=column.align,
            vertical="top",
            width=room,
            overflow="fold",
        )
    for row in table.rows:
        rendered.add_row(*(_styled(row[index]) for index in columns))
    return rendered


def _styled(cell: str) -> Text:
    """Colour what must not be missed. Text, not console markup: a name may hold brackets."""
    return Text(cell, style=next((style for word, style in _STYLES.items() if cell.startswith(word)), ""))
