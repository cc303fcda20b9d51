"""Measuring a running deployment with a scenario's load."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..domain.attachment import Attachment
from ..domain.deployment import Deployment, Topology
from ..domain.errors import EndpointError, IncomparableError, UsageError
from ..domain.manifest import RunManifest
from ..domain.names import unknown
from ..domain.scenario import Scenario
from ..domain.summary import SweepPoint
from ..store import layout
from ..store.rundir import DEFAULT_STORE, RunDirectory
from ..targets.cache import Flush
from ..targets.site import Sight, Site, look
from .attached_point import HowToMeasure, canary, measure
from .catalogue import find, load_scenario, models
from .http_point import run_in_loop
from .recorder import Kept, Recorder
from .resume import going_on, kept_points, refuse_changes, scenario_of
from .run import carry_out, copy_to, new_manifest, remote, silent
from .runs import Run, open_run, with_seed
from .sweep import OnProgress, sweep_point

Named = TypeVar("Named", Deployment, Topology)

LAUNCH = "launch"
"""What may differ, with leave, between two measurements of one topology in a run."""


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
) -> Run:
    """Measure the deployment that runs at a site with a scenario's load, and return what came of it.

    Before any load every process must be ready, the model must be served, and a request for one token must be
    answered. Before each sweep point prefix caches are emptied and warm-ups are sent. After Ctrl-C the run holds what
    had been measured, marked partial. Raises EndpointError where the site cannot be measured, StoppedError where too
    many requests fail, UsageError for a choice that the scenario does not have.
    """
    path, how = find("scenarios", str(scenario)), how or HowToMeasure()
    spec = load_scenario(path)
    spec = spec if seed is None else with_seed(spec, seed)
    points = chosen_points(spec, choice or Choice())
    seen = _approach(spec, site, how)
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

    So a scenario's deployments are measured one after the other into one run, which then compares them. Points that
    are done and whole stay. Raises IncomparableError where a topology was launched otherwise before, and as `attach`.
    """
    directory, how = open_run(path).directory, how or HowToMeasure()
    with directory.lock():
        manifest = directory.manifest()
        if manifest.kind != "run" or (manifest.points and not manifest.attachments):
            raise UsageError(f"{path}: was not measured on a real deployment, so that none can be added to it")
        spec = scenario_of(directory, manifest)
        others = [name for name in allow_different if name != LAUNCH]
        refuse_changes(manifest, spec, others)
        kept = kept_points(directory, manifest)
        points = [point for point in chosen_points(spec, choice or Choice()) if point.key not in kept]
        if not points:
            raise UsageError(f"{path}: holds all that was asked for: there is nothing to go on with")
        seen = _approach(spec, site, how)
        if LAUNCH not in allow_different:
            _refuse_another_launch(manifest, points[0], seen)
        (directory.path.resolve().parents[1] / layout.INDEX).unlink(
            missing_ok=True
        )  # it takes a complete run as settled
        return _carry_on(
            spec, directory, going_on(manifest), kept, points, seen, how, live=live, on_progress=on_progress
        )


def chosen_points(spec: Scenario, choice: Choice) -> list[SweepPoint]:
    """The sweep points of a choice. Raises UsageError where it names what the scenario does not have."""
    deployment = _named("deployment", choice.deployment, spec.deployments)
    topology = _named("topology", choice.topology, deployment.topologies)
    loads = choice.concurrency or topology.concurrency
    if any(load < 1 for load in loads):
        raise UsageError(f"--concurrency {min(loads)} must be at least 1")
    return [sweep_point(deployment, topology, load) for load in sorted(set(loads))]


def _named(what: str, name: str | None, there: Sequence[Named]) -> Named:
    by_name = {one.name: one for one in there}
    if name is None and len(there) > 1:
        raise UsageError(f"--{what}: say which one is running; the scenario has {', '.join(by_name)}")
    if name is not None and name not in by_name:
        raise UsageError(f"--{what}: {unknown(what, name, by_name)}")
    return there[0] if name is None else by_name[name]


def _approach(spec: Scenario, site: Site, how: HowToMeasure) -> Sight:
    """Look at a site and have it answer for one token. Raises EndpointError."""
    seen = run_in_loop(look(site, how.ready_timeout_s))
    _check_model(spec, site, seen)
    for endpoint in seen.endpoints:
        run_in_loop(canary(endpoint, how))
    return seen


def _check_model(spec: Scenario, site: Site, seen: Sight) -> None:
    """Refuse a model that nobody named and that is not, by its name, the scenario's."""
    if any(endpoint.model is not None for endpoint in site.endpoints):
        return
    names = [seen.identity.model, *(part.model for part in seen.parts if part.model)]
    known = models()[spec.model]
    if not any(_letters(spec.model) in _letters(name) for name in names):
        served = seen.identity.model
        raise EndpointError(
            f"{seen.endpoints[0].base_url} serves {served!r}, and the scenario is about {spec.model} "
            f"({known.hugging_face_id}): if that is the same model, say so with --model {served}"
        )


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _refuse_another_launch(manifest: RunManifest, point: SweepPoint, seen: Sight) -> None:
    for before in manifest.attachments:
        same = (before.deployment, before.topology) == (point.deployment, point.topology)
        if same and before.fingerprint != seen.identity.launch_fingerprint:
            raise IncomparableError(
                f"{point.deployment} {point.topology} was launched as {before.fingerprint} when it was measured "
                f"before, and as {seen.identity.launch_fingerprint} now: {_difference(before, seen)}; "
                f"--allow-different {LAUNCH} measures it all the same"
            )


def _difference(before: Attachment, seen: Sight) -> str:
    """In what two launches differ, as far as they tell."""
    if before.launch_command != seen.identity.launch_command:
        return f"launch command {before.launch_command} then, {seen.identity.launch_command} now"
    for old, new in zip(before.parts, seen.parts, strict=False):
        for what in ("role", "engine", "version", "model"):
            if getattr(old, what) != getattr(new, what):
                return f"{what} {getattr(old, what)} then, {getattr(new, what)} now"
        for flag in sorted(old.flags.keys() | new.flags.keys()):
            if old.flags.get(flag) != new.flags.get(flag):
                return f"{flag} {old.flags.get(flag)} then, {new.flags.get(flag)} now"
    return f"{len(before.parts)} processes then, {len(seen.parts)} now"


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
    manifest = manifest.model_copy(update={"attachments": (*manifest.attachments, attachment)})
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
