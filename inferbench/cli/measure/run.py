"""`inferbench run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inferbench.cli.lists import parse_list
from inferbench.cli.measure import attached
from inferbench.cli.options import shared
from inferbench.cli.options.endpoint import AccessOptions, BodyOptions
from inferbench.cli.options.groups import given, grouped
from inferbench.cli.outcome import failed_code, invalid_code
from inferbench.cli.output import put
from inferbench.errors import ExitCode, UsageError
from inferbench.store.run_directory import DEFAULT_STORE

if TYPE_CHECKING:
    from inferbench.runs.opened_run import Run
    from inferbench.runs.sweep import OnProgress
    from inferbench.scenario.scenario import Scenario


@dataclass(frozen=True)
class WhichOptions:
    """Which runs are made, or gone on with."""

    repeat: Annotated[int, typer.Option(min=1, help="Make so many runs, repeat i with the scenario's seed + i.")] = 1
    interleave: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Scenarios to take turns: A B A B, so many times each.")
    ] = None
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run that was cut short.")] = None
    from_manifest: Annotated[Path | None, typer.Option(metavar="RUN", help="Make an old run again, exactly.")] = None
    allow_different: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="What may have changed since, or may be there instead; nothing by default."),
    ] = None

    @property
    def others(self) -> list[str]:
        """Scenarios that take turns."""
        return parse_list("--interleave", self.interleave or [], str, "a scenario")

    @property
    def allowed(self) -> list[str]:
        """Keys of what may differ."""
        return parse_list("--allow-different", self.allow_different or [], str, "a key")

    def check(self, scenario: str | None, real: bool) -> None:
        """Hold the options against each other, where the twin or a `real` deployment is run. Raises UsageError."""
        given = {
            "a scenario": scenario is not None,
            "--interleave": bool(self.others),
            "--resume": self.resume is not None,
            "--from-manifest": self.from_manifest is not None,
        }
        named = [name for name, there in given.items() if there]
        if len(named) != 1:
            what = f"{' and '.join(named)} do not go together" if named else "nothing to run"
            raise UsageError(f"{what}; give one of {', '.join(given)}")
        old = self.resume is not None or self.from_manifest is not None
        if old and self.repeat > 1:
            raise UsageError(f"--repeat does not go with {named[0]}, which makes one run")
        if self.allowed and not old and not real:
            raise UsageError("--allow-different goes with --resume or --from-manifest")


@grouped
def run(
    *,
    scenario: Annotated[str | None, shared.SCENARIO] = None,
    store: Annotated[
        str, typer.Option(help="Where runs are written: a directory, or a URL such as s3://bucket/x.")
    ] = str(DEFAULT_STORE),
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results instead of tables.")] = False,
    live: Annotated[bool, typer.Option(help="End with a short run over loopback HTTP that checks the client.")] = True,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes that share the sweep points (one a core by default), or the load on --base-url."
        ),
    ] = None,
    which: WhichOptions,
    base_url: Annotated[
        list[str] | None,
        typer.Option(
            "--base-url", "--url", help="Measure what runs there instead of the twin; several get requests in turn."
        ),
    ] = None,
    choice: attached.ChoiceOptions,
    parts: attached.SiteOptions,
    tokenizer: shared.Tokenizer = None,
    sent: BodyOptions,
    access: AccessOptions,
    how: attached.HowOptions,
    watch: attached.WatchOptions,
) -> int:
    """Run a scenario: costs, verdicts, and a page of charts. On the twin, or on what runs at --base-url.

    Results go to STORE/<scenario>/<run_id>/. A verdict that is UNDECIDED is an answer, not a failure. Several runs
    (--repeat, --interleave) print the directory of each. A scenario's deployments can be measured one after the
    other into one run: the first with --base-url, each other one with --resume RUN --base-url.
    """
    others, allowed, repeat = which.others, which.allowed, which.repeat
    which.check(scenario, real=base_url is not None)
    attached.check(
        base_url is not None,
        needs=given(choice, parts, watch) | {"tokenizer": tokenizer},
        refuses={"interleave": others, "from_manifest": which.from_manifest},
    )
    names = [scenario] if scenario is not None else others
    if base_url is not None:
        site, chosen = parts.site(base_url, sent, access), choice.choice
        measured = how.how(workers, tokenizer, watch.watched)
        if which.resume is not None:
            runs = attached.go_on(which.resume, site, chosen, measured, live=live, allowed=allowed)
        else:
            runs = attached.measure(names[0], site, chosen, measured, repeat, live=live, store=store, allowed=allowed)
    elif which.resume is not None:
        runs = _resumed(which.resume, live=live, workers=workers, allowed=allowed)
    elif which.from_manifest is not None:
        runs = _again(which.from_manifest, store=store, live=live, workers=workers, allowed=allowed)
    else:
        from inferbench.runs.scenario_run import run_repeats

        runs = run_repeats(names, repeat, store=store, live=live, workers=workers, watching=bars, command=sys.argv)
    return _finish(runs, how.max_error_rate, several=repeat * len(names) > 1, json=json)


def _resumed(path: Path, *, live: bool, workers: int | None, allowed: list[str]) -> Iterator[Run]:
    from inferbench.runs.opened_run import open_run
    from inferbench.runs.resume import resume

    with bars(open_run(path).scenario) as watch:
        yield resume(path, live=live, workers=workers, on_progress=watch, allow_different=allowed)


def _again(path: Path, *, store: str, live: bool, workers: int | None, allowed: list[str]) -> Iterator[Run]:
    from inferbench.runs.opened_run import open_run
    from inferbench.runs.resume import run_from_manifest

    with bars(open_run(path).scenario) as watch:
        yield run_from_manifest(
            path, store=store, live=live, workers=workers, on_progress=watch, command=sys.argv, allow_different=allowed
        )


def _finish(runs: Iterator[Run], may_fail: float | None, *, several: bool, json: bool) -> ExitCode:
    """Print runs as they end, and say how they went; the first exit code that is not OK counts."""
    codes = []
    for finished in runs:
        if several:
            print(finished.path, flush=True)
        else:
            _show(finished, json=json)
        codes.append(invalid_code(finished.summaries, said=not several and not json))
        codes.append(failed_code(finished.summaries, may_fail))
    return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


def bars(spec: Scenario | None) -> AbstractContextManager[OnProgress]:
    """Progress bars for the points of a scenario."""
    from inferbench.cli.progress import progress_bars

    if spec is None:
        return progress_bars({})
    each = spec.load.prompts_per_concurrency
    return progress_bars({d.name: each * sum(c for t in d.topologies for c in t.concurrency) for d in spec.deployments})


def _show(finished: Run, *, json: bool) -> None:
    """Print what came of a run."""
    from inferbench.cli.console import say, show
    from inferbench.runs.report import json_results, sweep_tables, verdict_tables
    from inferbench.runs.report.answers import answers
    from inferbench.runs.report.notices import live_notice, said, sentences

    view = finished.view()
    if json:
        put(json_results.to_json(view))
        return
    for sentence in sentences(view):
        say(sentence)
        print()
    show(sweep_tables.sweep_table(view))
    show(verdict_tables.verdict_matrix(view))
    show(verdict_tables.conclusions_table(view))
    for answer in answers(view):
        say(answer.sentence)
    print()
    for seen in view.watched:
        say(f"{seen.point.key}, bottleneck: {seen.bottleneck.outcome}. {seen.bottleneck.evidence[0]}")
    if view.live is not None:
        show(sweep_tables.live_table(view))
        if notice := live_notice(view):
            say(said(notice))
            print()
    print(f"Run:  {finished.path}\nPage: {finished.path / 'report.html'}")
