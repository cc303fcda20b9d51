"""A running deployment: where load goes, the processes behind it, and what they tell before the load."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inferbench.endpoint.control_requests import ControlReply, asking
from inferbench.endpoint.engine_identity import ProcessFacts, ask_all, read_pages, version_note
from inferbench.endpoint.fingerprint import DeployedProcess, ProcessRole, TargetIdentity, fingerprint
from inferbench.endpoint.prefix_cache import Flush, flush_cache
from inferbench.endpoint.readiness import probe, when_ready
from inferbench.errors import EndpointError, UsageError
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.scenario.caveats import Caveat, caveats_of
from inferbench.scenario.launch_caveats import caveats_of_command
from inferbench.secrets.redact import redact

_Found = tuple[DeployedProcess, Endpoint, ProcessFacts]


@dataclass(frozen=True)
class Site:
    """Where a deployment runs."""

    endpoints: tuple[Endpoint, ...]
    """Where the load goes: a router, or engines of the same model, which get requests in turn."""
    prefill: tuple[str, ...] = ()
    """URLs of the prefill workers behind a router. Without them the router is asked which they are."""
    decode: tuple[str, ...] = ()
    """URLs of the decode workers, likewise."""
    router: str | None = None
    """URL of the router, where the load does not go to it directly."""
    launch_command: str | None = None
    """How it was launched, where the user knows; without the secrets in it."""

    def __post_init__(self) -> None:
        if self.launch_command is not None:
            object.__setattr__(self, "launch_command", redact(self.launch_command))


@dataclass(frozen=True)
class Sight:
    """What was seen of a site."""

    endpoints: tuple[Endpoint, ...]
    """Those of the site, each with the model that it serves."""
    parts: tuple[DeployedProcess, ...]
    caches: tuple[Endpoint, ...]
    """Processes that hold a prefix cache."""
    identity: TargetIdentity
    """What answers, with its fingerprint."""
    notes: tuple[str, ...]

    @property
    def marks(self) -> tuple[Caveat, ...]:
        """What makes it unlike production, whichever of its processes says so, or the command that launched it."""
        told = [mark for part in self.parts for mark in caveats_of(part.flags)]
        return tuple(dict.fromkeys((*told, *caveats_of_command(self.identity.launch_command or ""))))

    async def flush(self) -> dict[str, Flush]:
        """Empty the prefix cache of every process that has one; how that went, by URL."""
        flushes = await asyncio.gather(*(flush_cache(endpoint) for endpoint in self.caches))
        return {endpoint.base_url: flush for endpoint, flush in zip(self.caches, flushes, strict=True)}


async def look(site: Site, timeout_s: float) -> Sight:
    """Wait until every process of a site is ready, for `timeout_s` at most, and ask what each is.

    Raises EndpointError where one is down or not ready, a router has no worker, or the model is not served.
    """
    fronts = await asyncio.gather(*(_front(site, endpoint, timeout_s) for endpoint in site.endpoints))
    identities = [await probe(endpoint, timeout_s) for endpoint in site.endpoints]
    endpoints = tuple(replace(e, model=i.model) for e, i in zip(site.endpoints, identities, strict=True))
    behind, notes = await _behind(site, fronts, timeout_s)
    if site.router is not None:
        at = replace(site.endpoints[0], base_url=site.router)
        behind.append(await _ask(ProcessRole.ROUTER, at, timeout_s))
    parts = tuple(part for part, _, _ in (*fronts, *behind))
    serving = [found for found in (*fronts, *behind) if found[0].role is not ProcessRole.ROUTER]
    name = fingerprint(parts, identities[0].model, site.launch_command)
    first = serving[0][0] if serving else None
    return Sight(
        endpoints=endpoints,
        parts=parts,
        caches=tuple(endpoint for _, endpoint, _ in serving),
        identity=identities[0].model_copy(
            update={
                "engine": first.engine if first else identities[0].engine,
                "engine_version": first.version if first else identities[0].engine_version,
                "launch_command": site.launch_command,
                "launch_fingerprint": name,
            }
        ),
        notes=(*notes, *_notes(serving, site.launch_command)),
    )


async def _front(site: Site, endpoint: Endpoint, timeout_s: float) -> _Found:
    """What the load goes to. Raises EndpointError for a router that has nothing to send it to."""
    async with asking(endpoint) as asker:
        ready = await when_ready(asker, endpoint.base_url, "/readiness", timeout_s)
    if ready.status >= 500:
        raise EndpointError(f"router {endpoint.base_url} has no workers that are ready: {_says(ready)}")
    part, _, told = await _ask(ProcessRole.ENGINE, endpoint, timeout_s)
    if told.workers is not None and not told.workers:
        raise EndpointError(f"router {endpoint.base_url} has no workers")
    is_router = told.router or site.prefill or site.decode
    return (part.model_copy(update={"role": ProcessRole.ROUTER}) if is_router else part), endpoint, told


async def _behind(site: Site, fronts: Sequence[_Found], timeout_s: float) -> tuple[list[_Found], list[str]]:
    """The workers behind what the load goes to, and what must be said of them.

    Those that the user names must be there. Those that a router names may be out of our reach, and get no
    credentials, since nobody said that they should have them.
    """
    named = [*((ProcessRole.PREFILL, url) for url in site.prefill), *((ProcessRole.DECODE, url) for url in site.decode)]
    if named:
        first = site.endpoints[0]
        asked = (_ask(role, replace(first, base_url=url), timeout_s) for role, url in named)
        return list(await asyncio.gather(*asked)), []
    found, notes = [], []
    for _, endpoint, told in fronts:
        for role, url in sorted(told.workers or (), key=lambda worker: (_ORDER.index(worker[0]), worker[1])):
            try:
                bare = replace(endpoint, base_url=url, api_key=None, headers={})
                found.append(await _ask(role, bare, 0))
            except (EndpointError, UsageError) as error:  # it is out of reach, or its URL cannot be used
                notes.append(f"{error}; name workers with --prefill-url and --decode-url")
    return found, notes


async def _ask(role: ProcessRole, endpoint: Endpoint, timeout_s: float) -> _Found:
    """Ask one process what it is, once it is ready. Raises EndpointError where it is not."""
    name = endpoint.base_url if role is ProcessRole.ENGINE else f"{_CALLED[role]} {endpoint.base_url}"
    async with asking(endpoint) as asker:
        health = await when_ready(asker, name, "/health", timeout_s)
        if health.status in (401, 403):
            raise EndpointError(f"{name} refuses access (HTTP {health.status}): check the API key")
        if health.status >= 500:
            raise EndpointError(f"{name} is not ready: {_says(health)}")
        told = read_pages(await ask_all(asker))
    part = DeployedProcess(
        role=role, url=endpoint.base_url, engine=told.engine, version=told.version, model=told.model,
        flags=dict(told.flags),
    )  # fmt: skip
    return part, endpoint, told


_ORDER = list(ProcessRole)
"""Workers are asked in this order: a router lists them in any."""
_CALLED = {ProcessRole.PREFILL: "prefill worker", ProcessRole.DECODE: "decode worker", ProcessRole.ROUTER: "router"}


def _says(answer: ControlReply) -> str:
    said = answer.json.get("reason") or answer.json.get("message") or answer.text
    return f"HTTP {answer.status}{f', {said}' if said else ''}"


def _notes(serving: Sequence[_Found], launch_command: str | None) -> list[str]:
    """What must be known of the processes that serve."""
    if not serving:
        return [
            "the workers behind the router are not known: nothing is known of their launch, and no cache is emptied"
        ]
    by_note: dict[str, list[str]] = {}
    for part, endpoint, told in serving:
        if (note := version_note(told)) is not None:
            by_note.setdefault(note, []).append(endpoint.base_url)
        if not part.flags and launch_command is None:
            untold = "it does not tell how it was launched, so that the fingerprint rests on engine, version and model"
            by_note.setdefault(untold, []).append(endpoint.base_url)
    notes = [f"{', '.join(urls)}: {note}" for note, urls in by_note.items()]
    versions = sorted({f"{part.engine} {part.version}" for part, _, _ in serving})
    return [*notes, *([f"its workers run different versions: {', '.join(versions)}"] if len(versions) > 1 else [])]
