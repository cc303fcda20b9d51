"""What the servers and the GPUs told of themselves while a load ran, in one vocabulary whatever engine told it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from inferbench.arrays import Floats, Ints
from inferbench.values import Value


class WorkerRole(StrEnum):
    """What a source of telemetry is in the deployment."""

    SERVER = "server"
    """Does both, prefill and decode."""
    PREFILL = "prefill"
    DECODE = "decode"
    ROUTER = "router"
    """Whatever stands between the client and the workers."""
    GPUS = "gpus"
    """The GPUs of a host, and no server."""


class Metric(StrEnum):
    """The one vocabulary. Histograms are kept as their sum and count, from which a mean over any span follows."""

    unit: str
    is_counter: bool
    """It only rises, until its server starts again."""

    def __new__(cls, name: str, unit: str = "", is_counter: bool = False) -> Metric:
        """Make a member whose value is its name in files."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.unit = unit
        member.is_counter = is_counter
        return member

    RUNNING = "running", "requests"
    """In the batch of the engine; of a router, handed to workers and not ended."""
    QUEUED = "queued", "requests"
    """Waiting to be scheduled; of a prefill worker, to be prefilled."""
    BOOTSTRAPPING = "bootstrapping", "requests"
    """On a prefill worker, waiting for its decode worker before prefill begins."""
    KV_SENDING = "kv_sending", "requests"
    """On a prefill worker, prefilled and with KV on its way."""
    KV_WAITING = "kv_waiting", "requests"
    """On a decode worker, waiting for memory that their KV could be sent to."""
    KV_RECEIVING = "kv_receiving", "requests"
    """On a decode worker, with KV on its way."""
    KV_USAGE = "kv_usage", "share"
    """KV cache in use, 0 to 1; of several ranks the fullest."""
    CACHE_HIT_RATE = "cache_hit_rate", "share"
    CACHE_HITS = "cache_hits", "tokens", True
    """Prompt tokens found in the engine's own prefix cache."""
    CACHE_QUERIES = "cache_queries", "tokens", True
    """Prompt tokens looked up there."""
    CACHED_TOKENS = "cached_tokens", "tokens", True
    """Prompt tokens that were not computed here, from whichever cache or worker they came."""
    ACCEPTED_LENGTH = "accepted_length", "tokens/step"
    """Tokens per step of the model, the accepted drafts included."""
    DRAFTS = "drafts", "steps", True
    """Steps that verified a draft, counted for each request in them."""
    DRAFT_TOKENS = "draft_tokens", "tokens", True
    """Tokens proposed in drafts."""
    ACCEPTED_TOKENS = "accepted_tokens", "tokens", True
    PROMPT_TOKENS = "prompt_tokens", "tokens", True
    """Of prompts, those that a cache held included."""
    GENERATION_TOKENS = "generation_tokens", "tokens", True
    REQUESTS = "requests", "requests", True
    """Ended, by the engine's own count."""
    FAILED_REQUESTS = "failed_requests", "requests", True
    REJECTED_REQUESTS = "rejected_requests", "requests", True
    """Turned away because a queue was full."""
    PREEMPTIONS = "preemptions", "requests", True
    """Requests that were put out of the batch because memory ran short."""
    RETRACTED = "retracted", "requests"
    """The same, as a gauge."""
    TTFT_SUM = "ttft_sum", "s", True
    TTFT_COUNT = "ttft_count", "requests", True
    TPOT_SUM = "tpot_sum", "s", True
    """Of requests: each one's mean time per output token."""
    TPOT_COUNT = "tpot_count", "requests", True
    ITL_SUM = "itl_sum", "s", True
    """Of gaps between tokens, one for each token after the first: the k tokens of one step share its time."""
    ITL_COUNT = "itl_count", "gaps", True
    STEP_GAP_SUM = "step_gap_sum", "s", True
    """Of gaps between the steps in which a request got tokens, one for each step however many tokens it gave: with
    speculation it is longer than the time per token by the accepted length."""
    STEP_GAP_COUNT = "step_gap_count", "gaps", True
    E2EL_SUM = "e2el_sum", "s", True
    E2EL_COUNT = "e2el_count", "requests", True
    QUEUE_TIME_SUM = "queue_time_sum", "s", True
    QUEUE_TIME_COUNT = "queue_time_count", "requests", True
    PREFILL_TIME_SUM = "prefill_time_sum", "s", True
    PREFILL_TIME_COUNT = "prefill_time_count", "requests", True
    DECODE_TIME_SUM = "decode_time_sum", "s", True
    DECODE_TIME_COUNT = "decode_time_count", "requests", True
    KV_TRANSFER_TIME_SUM = "kv_transfer_time_sum", "s", True
    KV_TRANSFER_TIME_COUNT = "kv_transfer_time_count", "transfers", True
    KV_TRANSFER_BYTES_SUM = "kv_transfer_bytes_sum", "bytes", True
    KV_TRANSFER_BYTES_COUNT = "kv_transfer_bytes_count", "transfers", True
    KV_TRANSFER_FAILED = "kv_transfer_failed", "transfers", True
    KV_STORE_TIME_SUM = "kv_store_time_sum", "s", True
    """Of reads from and writes to a pool of KV cache that workers share; no transfer from worker to worker."""
    KV_STORE_TIME_COUNT = "kv_store_time_count", "operations", True
    KV_STORE_BYTES = "kv_store_bytes", "bytes", True
    KV_STORE_FAILED = "kv_store_failed", "keys", True
    ROUTER_TIME_SUM = "router_time_sum", "s", True
    """At a router: from the request's arrival to its answer's end or head, as the router defines it."""
    ROUTER_TIME_COUNT = "router_time_count", "requests", True
    CPU_TIME = "cpu_time", "s", True
    """CPU time of the server's process."""
    POWER = "power", "W"
    ENERGY = "energy", "J", True
    """The GPU's own accumulator."""
    GPU_CLOCK = "gpu_clock", "MHz"
    MEMORY_CLOCK = "memory_clock", "MHz"
    TEMPERATURE = "temperature", "C"
    """Of the GPU; of its hottest spot where that is what the tool tells."""
    MEMORY_TEMPERATURE = "memory_temperature", "C"
    MEMORY_USED = "memory_used", "bytes"
    GPU_BUSY = "gpu_busy", "share"
    """Share of time in which anything ran on the GPU."""
    TENSOR_BUSY = "tensor_busy", "share"
    """Share of cycles in which the tensor cores worked."""
    MEMORY_BUSY = "memory_busy", "share"
    """Share of cycles in which the GPU's memory moved data."""
    THROTTLED = "throttled", "share"
    """Share of time, or 1 at the look, in which power or heat held the clock down."""


@dataclass(frozen=True, slots=True)
class MetricReading:
    """One value of a metric, of one device where the source has several."""

    metric: Metric
    value: float
    device: str | None = None


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What one look at a source gave."""

    engine: str
    """As recognised, or the tool."""
    readings: tuple[MetricReading, ...]
    remarks: tuple[str, ...] = ()
    """What it told and what is no reading, a line each."""


class TelemetrySource(Value):
    """Who told."""

    name: str
    """URL of a metrics page, or the tool that was run."""
    role: WorkerRole
    engine: str | None
    """As recognised from the names of its metrics; None where it never answered."""


class Gap(Value):
    """A span in which a source told nothing."""

    source: str
    begin_ns: int
    end_ns: int
    """First and last failed look."""
    reason: str


@dataclass(frozen=True, eq=False)
class Series:
    """One metric of one source (and device) over time."""

    source: TelemetrySource
    device: str | None
    metric: Metric
    at_ns: Ints
    """Rising, on the run's clock once `Telemetry.since` has been applied, shape (n,)."""
    values: Floats

    def within(self, begin_ns: int, end_ns: int) -> Series:
        """The part of it between two instants, both included."""
        low, high = np.searchsorted(self.at_ns, [begin_ns, end_ns + 1])
        return replace(self, at_ns=self.at_ns[low:high], values=self.values[low:high])

    def rise(self) -> float:
        """By how much a counter rose from first to last value; after a restart it counts from 0 again."""
        steps = np.diff(self.values)
        return float(np.where(steps >= 0, steps, self.values[1:]).sum())


@dataclass(frozen=True, eq=False)
class Telemetry:
    """All that was told while a sweep point ran."""

    sources: tuple[TelemetrySource, ...]
    series: tuple[Series, ...]
    gaps: tuple[Gap, ...]

    def since(self, zero_ns: int) -> Telemetry:
        """The same on a clock whose zero is `zero_ns` of this one."""
        gaps = (
            g.model_copy(update={"begin_ns": g.begin_ns - zero_ns, "end_ns": g.end_ns - zero_ns}) for g in self.gaps
        )
        series = tuple(replace(s, at_ns=s.at_ns - zero_ns) for s in self.series)
        return replace(self, series=series, gaps=tuple(gaps))

    def of(self, metric: Metric, *roles: WorkerRole) -> Iterator[Series]:
        """Every series of a metric, from sources of these roles where any is named."""
        return (s for s in self.series if s.metric is metric and (not roles or s.source.role in roles))
