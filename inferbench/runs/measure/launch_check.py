"""Whether what runs at a site is what a scenario, or an earlier measurement, says it is."""

from __future__ import annotations

import re
from collections.abc import Collection

from inferbench.catalog.bundled import models
from inferbench.endpoint.discovery import Sight, Site
from inferbench.endpoint.fingerprint import Attachment
from inferbench.errors import EndpointError, FieldName, IncomparableError, UsageError
from inferbench.files.spelling import unknown
from inferbench.metrics.summary import SweepPoint
from inferbench.scenario.scenario import Scenario
from inferbench.store.manifest import RunManifest

TOPOLOGY, LAUNCH = "topology", "launch"
"""What may differ with leave: from the scenario, and between two measurements of one topology in a run."""


def check_keys(allowed: Collection[str], others: Collection[str] = ()) -> list[str]:
    """Return those keys of `allowed` that are not ours but in `others`. Raises UsageError for one that is neither."""
    for name in allowed:
        if name not in (TOPOLOGY, LAUNCH, *others):
            raise UsageError(unknown("key to allow a difference in", name, [TOPOLOGY, LAUNCH, *others]))
    return [name for name in allowed if name in others]


def check_model(spec: Scenario, site: Site, seen: Sight) -> None:
    """Refuse a model that nobody named and that is not, by its name, the scenario's. Raises EndpointError."""
    if any(endpoint.model is not None for endpoint in site.endpoints):
        return
    names = [seen.identity.model, *(part.model for part in seen.parts if part.model)]
    known = models()[spec.model]
    if not any(_letters(spec.model) in _letters(name) for name in names):
        served = seen.identity.model
        raise EndpointError(
            f"{seen.endpoints[0].base_url} serves {served!r}, and the scenario is about {spec.model} "
            f"({known.hugging_face_id}): if that is the same model, say so with ",
            FieldName("model"),
            f" {served}",
        )


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def refuse_another_launch(manifest: RunManifest, point: SweepPoint, seen: Sight) -> None:
    """Raise IncomparableError where a run holds points of a topology that was launched otherwise."""
    for before in manifest.attachments:
        same = (before.deployment, before.topology) == (point.deployment, point.topology)
        if same and before.fingerprint != seen.identity.launch_fingerprint:
            raise IncomparableError(
                f"{point.deployment} {point.topology} was launched as {before.fingerprint} when it was measured "
                f"before, and as {seen.identity.launch_fingerprint} now: {_difference(before, seen)}; ",
                FieldName("allow_different"),
                f" {LAUNCH} measures it all the same",
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
