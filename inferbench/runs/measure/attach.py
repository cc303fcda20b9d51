"""Measuring a running deployment with a scenario's load."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from inferbench.catalog.bundled import find
from inferbench.endpoint.discovery import Sight, Site, look
from inferbench.endpoint.fingerprint import Attachment
from inferbench.endpoint.prefix_cache import Flush
from inferbench.endpoint.topology_check import Seen, unlike_topology, untold
from inferbench.errors import FieldName, IncomparableError, UsageError
from inferbench.files.spelling import unknown
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.metrics.summary import SweepPoint
from inferbench.records import layout
from inferbench.runs.measure.attached_point import HowToMeasure, canary, measure
from inferbench.runs.measure.gpu_names import gpus_seen
from inferbench.runs.measure.launch_check import LAUNCH, TOPOLOGY, check_keys, check_model, refuse_another_launch
from inferbench.runs.opened_run import Run, open_run, with_seed
from inferbench.runs.recorder import Kept, Recorder
from inferbench.runs.resume import KEYS, going_on, kept_points, refuse_changes, scenario_of
from inferbench.runs.scenario_run import carry_out, copy_to, new_manifest, remote, silent
from inferbench.runs.sweep import OnProgress, sweep_point
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.read_scenario import load_scenario
from inferbench.scenario.scenario import Scenario
from inferbench.store.manifest import RunManifest
from inferbench.store.run_directory import DEFAULT_STORE, RunDirectory

Named = TypeVar("Named", Deployment, Topology)


@dataclass(frozen=True)
class Choice:
    """Which part of a scenario is running at a site."""

    deployment: str | None = None
    """None: the only one of the scenario."""
    topology: str | None = None
    """None: the only one of the deployment."""
    concurrency: tuple[int, ...] = ()
    """Loads to measure it at; none: the topology's own."""


def attach(
    scenario: str | Path,
    site: Site,
    choice: Choice | None = None,
    *,
    how: HowToMeasure | None = None,
    store: str | Path = DEFAULT_STORE,
    live: bool = True,
    on_progress: OnProgress = silent,
    command: Sequence[str] = (),
    seed: int | None = None,
    allow_different: Collection[str] = (),
) -> Run:
    """Measure the deployment that runs at a site with a scenario's load, and return what came of it.

    `scenario` is a file or the name of a bundled one; `site` is where the deployment runs, `choice` which part of the
    scenario it is, and `how` the way the load is sent. Before any load every process must be ready, the model must be
    served, and a request for one token must be answered. Before each sweep point prefix caches are emptied and warm-ups
    are sent. `store`, `live`, `on_progress`, `command` and `seed` are as in `run`. Whatever ends it early, Ctrl-C
    included, leaves a run that holds what had been measured, marked partial. Figures are defined in docs/glossary.md.
    Raises EndpointError where the site cannot be measured, StoppedError where too many requests fail, UsageError for a
    choice that the scenario does not have, IncomparableError where something else runs there, unless `allow_different`
    names "topology".
    """
    path, how = find("scenarios", str(scenario)), how or HowToMeasure()
    spec = load_scenario(path)
    spec = spec if seed is None else with_seed(spec, seed)
    points = chosen_points(spec, choice or Choice())
    check_keys(allow_different)
    seen = _approach(spec, site, points[0], how, allow_different)
    place = remote(store)
    directory = RunDirectory.create(DEFAULT_STORE if place else Path(store), spec.name)
    directory.write(layout.SCENARIO, path.read_bytes())
    with directory.lock():
        manifest = new_manifest(spec, directory, path, command)
        finished = _carry_on(spec, directory, manifest, {}, points, seen, how, live=live, on_progress=on_progress)
    copy_to(place, finished)
    return finished


def attach_to_run(
    path: str | Path,
    site: Site,
    choice: Choice | None = None,
    *,
    how: HowToMeasure | None = None,
    live: bool = True,
    on_progress: OnProgress = silent,
    allow_different: Collection[str] = (),
) -> Run:
    """Go on with an attached run: measure what is left of the chosen points, on another deployment or the same.

    `path` is the run's directory. So a scenario's deployments are measured one after the other into one run, which then
    compares them. Points that are done and whole stay. `site`, `choice`, `how`, `live` and `on_progress` are as in
    `attach`; `allow_different` may also name "launch", "price_books" and "twin_parameters".
    Raises IncomparableError where a topology was launched otherwise before, and as `attach`.
    """
    directory, how = open_run(path).directory, how or HowToMeasure()
    with directory.lock():
        manifest = directory.manifest()
        if manifest.kind != "run" or (manifest.points and not manifest.attachments):
            raise UsageError(f"{path}: was not measured on a real deployment, so that none can be added to it")
        spec = scenario_of(directory, manifest)
        refuse_changes(manifest, spec, check_keys(allow_different, KEYS))
        kept = kept_points(directory, manifest)
        points = [point for point in chosen_points(spec, choice or Choice()) if point.key not in kept]
        if not points:
            raise UsageError(f"{path}: holds all that was asked for: there is nothing to go on with")
        seen = _approach(spec, site, points[0], how, allow_different)
        if LAUNCH not in allow_different:
            refuse_another_launch(manifest, points[0], seen)
        index = directory.path.resolve().parents[1] / layout.INDEX
        index.unlink(missing_ok=True)  # it takes a complete run as settled
        return _carry_on(
            spec, directory, going_on(manifest), kept, points, seen, how, live=live, on_progress=on_progress
        )


def chosen_points(spec: Scenario, choice: Choice) -> list[SweepPoint]:
    """The sweep points of a choice. Raises UsageError where it names what the scenario does not have."""
    deployment = _named("deployment", choice.deployment, spec.deployments)
    topology = _named("topology", choice.topology, deployment.topologies)
    loads = choice.concurrency or topology.concurrency
    if any(load < 1 for load in loads):
        raise UsageError(FieldName("concurrency"), f" {min(loads)} must be at least 1")
    return [sweep_point(deployment, topology, load) for load in sorted(set(loads))]


def _named(what: str, name: str | None, there: Sequence[Named]) -> Named:
    by_name = {one.name: one for one in there}
    if name is None and len(there) > 1:
        raise UsageError(FieldName(what), f": say which one is running; the scenario has {', '.join(by_name)}")
    if name is not None and name not in by_name:
        raise UsageError(FieldName(what), f": {unknown(what, name, by_name)}")
    return there[0] if name is None else by_name[name]


def _approach(
    spec: Scenario, site: Site, point: SweepPoint, how: HowToMeasure, allow_different: Collection[str]
) -> Sight:
    """Look at a site, hold it against the scenario, and have it answer for one token.

    Raises EndpointError, and IncomparableError where something else runs there than the topology.
    """
    seen = run_in_loop(look(site, how.ready_timeout_s))
    check_model(spec, site, seen)
    deployment = spec.deployment(point.deployment)
    topology = deployment.topology(point.topology)
    known = Seen(site.launch_command, run_in_loop(gpus_seen(how.watch)))
    differing = unlike_topology(deployment, topology, seen.parts, known)
    if differing and TOPOLOGY not in allow_different:
        raise IncomparableError(
            f"{point.deployment} {point.topology} is not what runs there: {'; '.join(differing)}; ",
            FieldName("allow_different"),
            f" {TOPOLOGY} measures it all the same",
        )
    notes = [f"it is not as the scenario has it, whose GPUs stand in all figures: {'; '.join(differing)}"]
    unsaid = untold(deployment, topology, seen.parts, known)
    seen = replace(seen, notes=(*seen.notes, *(notes if differing else ()), *((unsaid,) if unsaid else ())))
    for endpoint in seen.endpoints:
        run_in_loop(canary(endpoint, how))
    return seen


def _carry_on(
    spec: Scenario,
    directory: RunDirectory,
    manifest: RunManifest,
    kept: Kept,
    points: Sequence[SweepPoint],
    seen: Sight,
    how: HowToMeasure,
    *,
    live: bool,
    on_progress: OnProgress,
) -> Run:
    """Measure points into a run and end it. Whoever calls holds the directory's lock."""
    flushes = run_in_loop(seen.flush()) if how.flush_cache else {}
    attachment = _attachment(seen, points[0], flushes)
    others = (before for before in manifest.attachments if not before.is_launch_of(attachment))
    manifest = manifest.model_copy(update={"attachments": (*others, attachment)})
    attempts = {point.key: directory.set_aside(point) for point in points}
    recorder = Recorder(spec, directory, manifest, kept, attempts)
    outcomes = measure(points, spec, seen, how, directory, on_progress)
    return carry_out(spec, directory, recorder, outcomes, live=live, on_progress=on_progress)


def _attachment(seen: Sight, point: SweepPoint, flushes: Mapping[str, Flush]) -> Attachment:
    return Attachment(
        deployment=point.deployment,
        topology=point.topology,
        base_urls=tuple(endpoint.base_url for endpoint in seen.endpoints),
        model=seen.identity.model,
        parts=seen.parts,
        launch_command=seen.identity.launch_command,
        fingerprint=seen.identity.launch_fingerprint or "",
        flushed={url: flush.path for url, flush in flushes.items() if flush.path},
        not_flushed={
            endpoint.base_url: flushes[endpoint.base_url].why_not or "" if flushes else "it was asked not to be"
            for endpoint in seen.caches
            if not flushes or not flushes[endpoint.base_url].path
        },
        marks=seen.marks,
        notes=seen.notes,
    )
