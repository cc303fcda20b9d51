"""`inferbench size`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from pydantic import ValidationError

from inferbench.cli.answers.tco import PriceOptions
from inferbench.cli.lists import parse_list
from inferbench.cli.options import shared
from inferbench.cli.options.groups import grouped
from inferbench.cli.output import put
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.fleet.fleet import Demand
from inferbench.metrics.goodput import LIMITS
from inferbench.scenario.scenario import Slo
from inferbench.store.run_directory import DEFAULT_STORE

if TYPE_CHECKING:
    from inferbench.runs.opened_run import Run


@grouped
def size(
    *,
    slo: Annotated[str, typer.Option(metavar="tpot:MS,ttft:MS", help="p99 limits that every request is to keep.")],
    tokens_per_day: Annotated[float, typer.Option(help="Prompt and generated tokens together.")],
    run: Annotated[Path | None, typer.Option(help="The run whose sweep points are fleets to choose from.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Instead: the latest complete run of this scenario.")] = None,
    store: Annotated[Path, typer.Option(help="Where its runs lie.")] = DEFAULT_STORE,
    peak_to_mean: Annotated[float, typer.Option(help="Busiest hour over the mean of the day.")] = 1.0,
    headroom: Annotated[float, typer.Option(help="Capacity beyond the peak, as a share of it.")] = 0.0,
    deployments: Annotated[list[str] | None, typer.Option(help="Which of the run's; all by default.")] = None,
    prices: PriceOptions,
    gpus_per_node: Annotated[int | None, typer.Option(min=1, help="GPUs of a node, where not the usual.")] = None,
    pack: Annotated[bool, typer.Option(help="Let workers of different roles and replicas share nodes.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Show every topology that keeps the SLO.")] = False,
    json: shared.Json = False,
) -> None:
    """Which deployment, in which topology, on how many GPUs, at what cost a year?

    Fleets are whole replicas on whole nodes, large enough for the peak; stranded GPUs are paid for. UNDECIDED where
    the interval of the costs' ratio includes a tie.
    """
    from inferbench.cli.console import say, show
    from inferbench.fleet.table import sizing_table
    from inferbench.runs.answers.fleets import size as size_fleets

    demand, limits, book = (
        _demand(tokens_per_day, peak_to_mean, headroom),
        parse_slo(slo),
        prices.book,
    )
    found = size_fleets(
        _run(run, scenario, store),
        demand,
        limits,
        book,
        prices.tier_in(book),
        deployments=parse_list("--deployments", deployments or [], str, "a name"),
        settings=prices.settings,
        gpus_per_node=gpus_per_node,
        packed=pack,
    )
    if json:
        put(orjson.dumps(found.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
        return
    show(sizing_table(found, every=all_))
    for name, why in found.unreachable.items():
        say(f"{name} cannot keep the SLO: {why}")


def parse_slo(text: str) -> Slo:
    """Read `tpot:20,ttft:2000`. Raises UsageError for anything else."""
    limits: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        name, _, value = part.partition(":")
        if name not in LIMITS:
            raise UsageError(f"--slo: {unknown('limit', name, LIMITS)}")
        try:
            limits[LIMITS[name]] = float(value)
        except ValueError:
            raise UsageError(f"--slo: {part!r} is not {name}:MS") from None
    if not limits:
        raise UsageError("--slo: give at least one limit, as in tpot:20,ttft:2000")
    try:
        return Slo(**limits)
    except ValidationError:
        raise UsageError(f"--slo: limits must be above 0 ms, not {text!r}") from None


def _demand(tokens_per_day: float, peak_to_mean: float, headroom: float) -> Demand:
    from inferbench.files.yaml_values import describe

    try:
        return Demand(tokens_per_day=tokens_per_day, peak_to_mean=peak_to_mean, headroom=headroom)
    except ValidationError as error:
        raise UsageError(f"--{describe(error, Demand).replace('_', '-', 2)}") from None


def _run(run: Path | None, scenario: str | None, store: Path) -> Run:
    from inferbench.runs.answers.fleets import latest_run
    from inferbench.runs.opened_run import open_run

    if (run is None) == (scenario is None):
        raise UsageError("give either --run or --scenario")
    return open_run(run) if run is not None else latest_run(store, scenario or "")
