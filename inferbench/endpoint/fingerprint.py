"""What a run was attached to: a launched deployment as its own processes tell of it, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from pydantic import Field

from inferbench.scenario.caveats import Caveat
from inferbench.secrets.command_lines import Kept
from inferbench.values import Value


class ProcessRole(StrEnum):
    """What a process does in a deployment."""

    ENGINE = "engine"
    """Prefill and decode in one, or whatever stands behind the one URL that is known."""
    PREFILL = "prefill"
    DECODE = "decode"
    ROUTER = "router"


class DeployedProcess(Value):
    """One process of a running deployment, as it tells of itself."""

    role: ProcessRole
    url: str
    engine: str | None = None
    version: str | None = None
    model: str | None = None
    """The weights that it loaded, as it names them."""
    flags: dict[str, Kept] = Field(default_factory=dict)
    """How it was launched, as far as it tells: without addresses, secrets and what differs from launch to launch."""


class Attachment(Value):
    """One launch of a deployment that was measured."""

    deployment: str
    topology: str
    base_urls: tuple[str, ...]
    """Where the load went."""
    model: str
    """The name that it was asked for."""
    parts: tuple[DeployedProcess, ...]
    launch_command: Kept | None = None
    """As the user gave it, without secrets."""
    fingerprint: str
    """`fingerprint` of all that is known of the launch."""
    flushed: dict[str, str]
    """URL of each process whose prefix cache was emptied before each point, and the path that did it."""
    not_flushed: dict[str, str]
    """URL of each process whose cache was not emptied, and why."""
    marks: tuple[Caveat, ...] = ()
    """What makes it unlike production."""
    notes: tuple[Kept, ...] = ()
    """What must be known to read its figures."""

    def is_launch_of(self, other: Attachment) -> bool:
        """Whether both are the same topology, launched the same way."""
        return (self.deployment, self.topology, self.fingerprint) == (
            other.deployment,
            other.topology,
            other.fingerprint,
        )


def fingerprint(parts: Sequence[DeployedProcess], model: str, launch_command: str | None) -> str:
    """Return a name for a launch that is the same wherever and whenever it is launched the same way.

    It is the first 16 digits of the SHA-256 over the model and, for each process that serves, its role, engine,
    version, model and flags, in an order of their own. Where processes run, and how requests are routed to them, is
    no part of it.
    """
    processes = sorted(
        json.dumps([part.role, part.engine, part.version, part.model, part.flags], sort_keys=True)
        for part in parts
        if part.role is not ProcessRole.ROUTER
    )
    told = json.dumps([model, launch_command, processes])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


class TargetIdentity(Value):
    """What answered the requests."""

    kind: Literal["twin", "http", "imported"]
    engine: str | None = None
    engine_version: str | None = None
    model: str
    base_url: Kept | None = None
    gpu: str | None = None
    precision: str | None = None
    launch_command: Kept | None = None
    launch_fingerprint: str | None = None
    """`Attachment.fingerprint` of the launch that answered; None where a run was not attached to one."""
    twin_parameters: str | None = None
    """Checksum of the twin's parameter file."""
