"""`inferbench run`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..domain.errors import UsageError
from ..store.rundir import DEFAULT_STORE
from .lists import parse_list

if TYPE_CHECKING:
    from ..api.runs import Run
    from ..api.sweep import OnProgress
    from ..domain.scenario import Scenario


def run(
    scenario: Annotated[
        str | None, typer.Argument(help="A scenario file, or the name of one that comes with inferbench.")
    ] = None,
    store: Annotated[
        str, typer.Option(help="Where runs are written: a directory, or a URL such as s3://bucket/x.")
    ] = str(DEFAULT_STORE),
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results instead of tables.")] = False,
    live: Annotated[bool, typer.Option(help="End with a short run over loopback HTTP that checks the client.")] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the sweep points; one a core by default.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Make so many runs, repeat i with the scenario's seed + i.")] = 1,
    interleave: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Scenarios to take turns: A B A B, so many times each.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run that was cut short.")] = None,
    from_manifest: Annotated[Path | None, typer.Option(metavar="RUN", help="Make an old run again, exactly.")] = None,
    allow_different: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="With --resume or --from-manifest: what may have changed since."),
    ] = None,
) -> None:
    """Run a scenario: costs, verdicts, and a page of charts.

    Results go to STORE/<scenario>/<run_id>/. A verdict that is UNDECIDED is an answer, not a failure. Several runs
    (--repeat, --interleave) print the directory of each.
    """
    from ..api import resume as resuming
    from ..api import run as runner
    from ..api.runs import open_run

    others = parse_list("--interleave", interleave or [], str, "a scenario")
    allowed = parse_list("--allow-different", allow_different or [], str, "a key")
    _check(scenario, others, resume, from_manifest, repeat, allowed)
    if resume is not None:
        old = open_run(resume)
        with _bars(old.scenario) as watch:
            finished = resuming.resume(old.path, live=live, workers=workers, on_progress=watch, allow_different=allowed)
        _show(finished, json=json)
    elif from_manifest is not None:
        old = open_run(from_manifest)
        with _bars(old.scenario) as watch:
            finished = resuming.run_from_manifest(
                old.path, store=store, live=live, workers=workers, on_progress=watch, command=sys.argv,
                allow_different=allowed,
            )  # fmt: skip
        _show(finished, json=json)
    else:
        names = [scenario] if scenario is not None else others
        runs = runner.run_repeats(
            names, repeat, store=store, live=live, workers=workers, watching=_bars, command=sys.argv
        )
        for finished in runs:
            if repeat * len(names) == 1:
                _show(finished, json=json)
            else:
                print(finished.path, flush=True)


def _check(
    scenario: str | None,
    others: list[str],
    resume: Path | None,
    from_manifest: Path | None,
    repeat: int,
    allowed: list[str],
) -> None:
    """Hold the options against each other. Raises UsageError."""
    given = {
        "a scenario": scenario is not None,
        "--interleave": bool(others),
        "--resume": resume is not None,
        "--from-manifest": from_manifest is not None,
    }
    named = [name for name, there in given.items() if there]
    if len(named) != 1:
        what = f"{' and '.join(named)} do not go together" if named else "nothing to run"
        raise UsageError(f"{what}; give one of {', '.join(given)}")
    old = resume is not None or from_manifest is not None
    if old and repeat > 1:
        raise UsageError(f"--repeat does not go with {named[0]}, which makes one run")
    if allowed and not old:
        raise UsageError("--allow-different goes with --resume or --from-manifest")


def _bars(spec: Scenario | None) -> AbstractContextManager[OnProgress]:
    """Progress bars for the points of a scenario."""
    from .progress import progress_bars

    if spec is None:
        return progress_bars({})
    each = spec.load.prompts_per_concurrency
    return progress_bars({d.name: each * sum(c for t in d.topologies for c in t.concurrency) for d in spec.deployments})


def _show(finished: Run, *, json: bool) -> None:
    """Print what came of a run."""
    from ..report import jsonout, tables, tables_points
    from ..report.answers import answers
    from .console import say, show

    view = finished.view()
    if json:
        sys.stdout.buffer.write(jsonout.to_json(view))
        return
    show(tables_points.sweep_table(view))
    show(tables.verdict_matrix(view))
    show(tables.conclusions_table(view))
    for answer in answers(view):
        say(answer.sentence)
    print()
    if view.live is not None:
        show(tables_points.live_table(view))
    print(f"Run:  {finished.path}\nPage: {finished.path / 'report.html'}")
