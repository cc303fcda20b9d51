"""`inferbench regress`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inferbench.cli.options import shared
from inferbench.cli.output import line, put
from inferbench.errors import ExitCode, UsageError
from inferbench.store.run_directory import DEFAULT_STORE

if TYPE_CHECKING:
    from inferbench.regression.verdicts import RegressionReport


def regress(
    baseline: Annotated[
        list[str], typer.Option(metavar="RUN|REF|DIR", help="A run, a baseline's name, or a directory of runs.")
    ],
    candidate: Annotated[
        list[str], typer.Option(metavar="RUN|DIR", help="The runs to judge. Give it several times for several.")
    ],
    policy: Annotated[Path | None, typer.Option(help="Which effects matter, and whether undecided fails.")] = None,
    store: Annotated[Path, typer.Option(help="Where baselines are named.")] = DEFAULT_STORE,
    json: shared.Json = False,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown for a pull-request comment.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts.")] = None,
) -> None:
    """Say whether a candidate is worse than its baseline, or that it can't be said.

    The run is the unit: give at least two runs on each side, best of all interleaved (`run --repeat 5 --interleave`).
    Exit codes: 0 pass, improved or undecided; 1 regressed; 4 invalid; 6 incomparable; 5 undecided where the policy
    fails that. In a GitHub job it adds annotations and the step summary.
    """
    from inferbench.cli.files import write_file
    from inferbench.regression.check import load_policy
    from inferbench.regression.check import regress as judge
    from inferbench.regression.report import (
        html as regression_html,
    )
    from inferbench.regression.report import (
        json as regression_json,
    )
    from inferbench.regression.report import (
        junit as regression_junit,
    )
    from inferbench.regression.report import (
        markdown as regression_markdown,
    )

    report = judge(baseline, candidate, policy=load_policy(policy), store=store)
    text = regression_markdown.regression_markdown(report)
    if markdown is not None:
        write_file(markdown, text.encode())
    if junit is not None:
        write_file(junit, regression_junit.regression_junit(report))
    if html is not None:
        write_file(html, regression_html.regression_html(report).encode())
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(Path(summary), text)
    if json:
        put(regression_json.regression_json(report))
    else:
        _show(report)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # Workflow commands are read from both streams; stdout may hold JSON.
        for command in regression_markdown.workflow_commands(report):
            line(command, error=True)
    raise typer.Exit(exit_code(report))


def exit_code(report: RegressionReport) -> ExitCode:
    """The exit code of a report: of what failed, by how grave it is."""
    from inferbench.regression.verdicts import RegressionOutcome

    if not report.failed:
        return ExitCode.OK
    outcomes = {scenario.outcome for scenario in report.scenarios}
    codes = {
        RegressionOutcome.REGRESSED: ExitCode.REGRESSED,
        RegressionOutcome.INVALID: ExitCode.INVALID,
        RegressionOutcome.INCOMPARABLE: ExitCode.INCOMPARABLE,
    }
    return next((code for outcome, code in codes.items() if outcome in outcomes), ExitCode.UNDECIDED)


def _show(report: RegressionReport) -> None:
    from inferbench.cli.console import say, show
    from inferbench.regression.report.tables import headline, verdict_table

    for scenario in report.scenarios:
        if scenario.metrics:
            show(verdict_table(report, scenario))
        say(headline(scenario))


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
