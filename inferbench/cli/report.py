"""`inferbench report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .output import line, put


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    TEXT = "text"


def report(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.HTML,
) -> None:
    """Make the report of a run again.

    The page goes into the run directory, every other format onto stdout.
    """
    from ..api.runs import open_run
    from ..report import jsonout, markdown, tables, tables_audit, tables_points
    from ..report.notices import live_notice, said, sentences
    from .console import say, show

    opened = open_run(run)
    if format is Format.HTML:
        line(opened.write_report())
        return
    view = opened.view()
    if format is Format.JSON:
        put(jsonout.to_json(view))
        return
    if view.scenario is not None:
        shown = [tables_points.sweep_table(view), tables.verdict_matrix(view), tables.conclusions_table(view)]
    elif view.audit is not None:
        shown = [tables_points.sweep_table(view), tables_audit.audit_table(view.audit)]
    else:
        shown = [tables_points.bench_table(summary) for summary in view.summaries]
    if view.live is not None:
        shown.append(tables_points.live_table(view))
    live = live_notice(view)
    for sentence in (*sentences(view), *([said(live)] if live else [])):
        if format is Format.MARKDOWN:
            print(f"> {markdown.plain(sentence)}\n")
        else:
            say(sentence)
        print()
    for table in shown:
        if format is Format.MARKDOWN:
            print(markdown.render(table))
        else:
            show(table)
