"""The conditions of a run, as facts with a name: what another run must share to be compared with it."""

from __future__ import annotations

import datetime

from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.numerals import MISSING
from inferbench.render.format import utc
from inferbench.render.table import Column, Table
from inferbench.runs.report.answers import describe
from inferbench.runs.report.view import RunView
from inferbench.store.manifest import PointManifest
from inferbench.units import NS_PER_S

Fact = tuple[str, str]


def conditions(view: RunView) -> tuple[Fact, ...]:
    """Name and value of everything that shaped the run as a whole."""
    run = view.manifest
    own = (
        ("Run", f"{run.run_id} ({run.state.value})"),
        ("Command", " ".join(run.command)),
        ("Scenario file", f"{run.scenario}, SHA-256 {run.scenario_sha256}" if run.scenario_sha256 else run.scenario),
        ("Seed", str(run.seed)),
        ("Started", utc(run.benchmark_start_time_unix)),
        ("Ended", utc(run.benchmark_end_time_unix)),
        ("Client host", f"{run.host.platform}, {run.host.cpus} CPUs, Python {run.host.python}"),
        ("inferbench", run.host.inferbench),
        ("Basis of the figures", view.basis.value),
        *((("Pull request", run.pull_request),) if run.pull_request else ()),
    )
    books = tuple((f"Price book {b.name}", f"as of {b.as_of}, SHA-256 {b.sha256}") for b in run.price_books)
    return (*own, *_scenario_facts(view), *books)


def _scenario_facts(view: RunView) -> tuple[Fact, ...]:
    scenario = view.scenario
    if scenario is None:
        return ()
    load = scenario.load
    facts = [
        ("Question", f"{scenario.title} (as of {scenario.as_of})"),
        ("Model", scenario.model),
        ("ISL", f"{load.isl.nominal} nominal, uniform from {load.isl.min} to {load.isl.max} tokens"),
        ("OSL", f"{load.osl.nominal} nominal, uniform from {load.osl.min} to {load.osl.max} tokens"),
        ("Load", f"closed loop, {load.prompts_per_concurrency} requests per unit of concurrency"),
        ("Headline prices", f"{scenario.headline.book} {scenario.headline.tier}"),
    ]
    if view.half_width:
        widths = ", ".join(f"{name} ±{view.half_width_of(name):.0%}" for name in view.deployments)
        noise = scenario.twin.run_noise
        facts.append(("Noise of a simulated run", f"{noise:.2%} on all times of a sweep point" if noise else "none"))
        facts.append(("Interval of simulated figures", f"{widths}: {scenario.twin.reason}"))
    for point in view.operating_points:
        source = f" ({point.source})" if point.source else ""
        facts.append((f"Operating point {point.name}", f"{describe(point)}{source}"))
    for deployment in scenario.deployments:
        facts.append((f"Source of {deployment.name}", deployment.source))
    return tuple(facts)


def points_table(view: RunView) -> Table:
    """A row per sweep point of the manifest: what answered, with which prompts, and where its clock began."""
    return Table(
        title="Conditions of each sweep point",
        columns=(
            Column("sweep point", align="left"),
            Column("attempt"),
            Column("origin", align="left"),
            Column("target", align="left"),
            Column("launch", align="left", priority=2),
            Column("cache emptied", align="left", priority=4),
            Column("prompt hash", align="left", priority=1),
            Column("time zero", align="left", priority=3),
        ),
        rows=tuple(_point_row(entry) for entry in view.manifest.points),
        note="Equal prompt hashes mean equal prompts. Time zero: the wall clock at the zero of the point's records.",
    )


def _point_row(entry: PointManifest) -> tuple[str, ...]:
    target = entry.target
    engine = " ".join(filter(None, (target.engine, target.engine_version)))
    identity = ", ".join(filter(None, (target.kind, engine, target.model, target.gpu, target.base_url)))
    return (
        entry.point.key,
        str(entry.attempt),
        entry.origin.value,
        identity,
        ", ".join(filter(None, (target.launch_fingerprint, target.launch_command))) or MISSING,
        entry.cache_flushed or MISSING,
        entry.prompt_hash[:12],
        _instant(entry.anchor),
    )


def _instant(anchor: ClockAnchor) -> str:
    moment = datetime.datetime.fromtimestamp(anchor.wall_unix_ns / NS_PER_S, tz=datetime.UTC)
    return moment.isoformat(timespec="milliseconds")
