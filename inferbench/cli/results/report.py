"""`inferbench report`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from inferbench.cli.options import shared
from inferbench.cli.output import line, put


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    TEXT = "text"


def report(
    run: shared.RunDirectory,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.HTML,
) -> None:
    """Make the report of a run again.

    The page goes into the run directory, every other format onto stdout.
    """
    from inferbench.audits import tables
    from inferbench.cli.console import say, show
    from inferbench.render import markdown
    from inferbench.runs.opened_run import open_run
    from inferbench.runs.report import json_results, sweep_tables, verdict_tables
    from inferbench.runs.report.notices import live_notice, said, sentences

    opened = open_run(run)
    if format is Format.HTML:
        line(opened.write_report())
        return
    view = opened.view()
    if format is Format.JSON:
        put(json_results.to_json(view))
        return
    if view.scenario is not None:
        shown = [
            sweep_tables.sweep_table(view),
            verdict_tables.verdict_matrix(view),
            verdict_tables.conclusions_table(view),
        ]
    elif view.audit is not None:
        shown = [sweep_tables.sweep_table(view), tables.audit_table(view.audit)]
    else:
        shown = [sweep_tables.bench_table(summary) for summary in view.summaries]
    if view.live is not None:
        shown.append(sweep_tables.live_table(view))
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
