"""The manifest of a run: what made its numbers, so that they can be compared, repeated, or refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from inferbench.endpoint.fingerprint import Attachment, TargetIdentity
from inferbench.files.number_limits import UnixTime
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.metrics.summary import Origin, SweepPoint
from inferbench.scenario.caveats import Caveat
from inferbench.secrets.command_lines import Command, Kept
from inferbench.values import Value

FORMAT = 1
"""Version of the run directory; a reader refuses a newer one."""


class RunState(StrEnum):
    """How far a run got."""

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    """Stopped early: what was measured is there and says so."""
    BROKEN = "broken"
    """Its process was killed, or it cannot be read: what readers find, and no file says."""


class ClientHost(Value):
    """The machine that the client ran on."""

    platform: str
    python: str
    cpus: int
    inferbench: str
    """Version of inferbench."""


class OfferedLoad(Value):
    """When the requests of a point were due."""

    request_rate: float | None = None
    """Requests/s of an open loop; None: at the times of a trace, or all at once."""
    burstiness: float = 1.0
    max_concurrency: int | None = None
    """Most requests in flight; None: no limit."""


class PointManifest(Value):
    """One sweep point of a run, and one attempt at it."""

    point: SweepPoint
    attempt: int
    origin: Origin
    target: TargetIdentity
    prompt_hash: str
    isl: int | None = None
    osl: int | None = None
    """Nominal lengths, tokens; None where the run's scenario says them."""
    offered: OfferedLoad | None = None
    """None: a closed loop at the point's concurrency."""
    prompts: str | None = None
    """Name of the prompt maker; None: words."""
    notes: tuple[Kept, ...] = ()
    """What must be known to read its figures."""
    cache_flushed: str | None = None
    """How the server's prefix cache was emptied before the point; None where it was not."""
    anchor: ClockAnchor
    """Time zero of the point's records, on both clocks; on the virtual clock, when the simulation began."""
    benchmark_start_time_unix: UnixTime
    benchmark_end_time_unix: UnixTime
    """Wall-clock span of the point, as InferenceX writes it, for power to be integrated over."""
    checksums: dict[str, str]
    """SHA-256 of each file of the point, by path relative to the run."""


class BookStamp(Value):
    """The very version of a price book that a run's costs were made with."""

    name: str
    as_of: str
    sha256: str


class RunManifest(Value):
    """Everything that two runs must share, or be known to differ in, before their numbers are set side by side."""

    format: Literal[1]
    run_id: str
    kind: Literal["run", "bench", "import"]
    state: RunState
    reason: Kept | None = None
    """Why a partial run stopped."""
    pull_request: str | None = None
    """Address of the pull request that the run was made for, as CI said it; not checked, so see `web_address`."""
    scenario: str
    scenario_sha256: str | None
    command: Command
    seed: int
    host: ClientHost
    benchmark_start_time_unix: UnixTime
    benchmark_end_time_unix: UnixTime | None
    price_books: tuple[BookStamp, ...] = ()
    unlike_production: dict[str, dict[str, tuple[Caveat, ...]]] = Field(default_factory=dict)
    """By deployment and topology, what the scenario launches it with that no service would run with."""
    attachments: tuple[Attachment, ...] = ()
    """The launches that were measured, in order; empty for the twin and for `bench`."""
    points: tuple[PointManifest, ...] = ()
    checksums: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the run's own files (summary, cost, verdict)."""
