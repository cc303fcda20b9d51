"""The options of `inferbench bench`, under the names that `vllm bench serve` gave them, in groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from inferbench.cli.dropin.names import ClientBackend
from inferbench.cli.lists import parse_list
from inferbench.cli.options import shared
from inferbench.cli.options.flags import Fills
from inferbench.errors import UsageError
from inferbench.files.number_limits import LARGEST_SEED
from inferbench.metrics.goodput import GoodputSlo, goodput_slo, parse_clause
from inferbench.workload.arrivals import RampStrategy, RateRamp

if TYPE_CHECKING:
    from inferbench.runs.bench.bench import Client


class ArrivalPattern(StrEnum):
    """How the gaps between requests of an open loop are drawn."""

    GAMMA = "gamma"
    POISSON = "poisson"
    CONSTANT = "constant"


class Dataset(StrEnum):
    """Where lengths, times and text come from."""

    RANDOM = "random"
    RANDOM_IDS = "random-ids"
    PREFIX_REPETITION = "prefix_repetition"
    GENERATED_SHARED_PREFIX = "generated-shared-prefix"
    CUSTOM = "custom"
    SHAREGPT = "sharegpt"
    MOONCAKE = "mooncake"
    BAILIAN = "bailian"
    AZURE = "azure"
    BURSTGPT = "burstgpt"
    TIMED_TRACE = "timed_trace"


class TimeUnit(StrEnum):
    """Unit of a trace's times."""

    S = "s"
    MS = "ms"


@dataclass(frozen=True)
class AddressOptions:
    """Where requests go."""

    base_url: shared.BaseUrl = None
    host: Annotated[str | None, Option(help="Host, without --base-url.", show_default="127.0.0.1")] = None
    port: Annotated[int | None, Option(min=1, max=65535, help="Port, without --base-url.", show_default="8000")] = None
    backend: Annotated[
        str | None, Option(metavar="NAME", help="openai-chat, sglang, ...: what decides the path, without --endpoint.")
    ] = None
    endpoint: Annotated[
        str | None,
        Option(
            "--endpoint", help="/v1/completions, /v1/chat/completions or /generate.", show_default="/v1/completions"
        ),
    ] = None
    model: shared.Model = None
    served_model_name: Annotated[
        str | None, Option("--served-model-name", help="The model's name at the endpoint, where it is another.")
    ] = None

    def urls(self, spoken: ClientBackend) -> list[str]:
        """The base URLs, of which the host and port are one where none is given."""
        host, port = self.host or shared.DEFAULT_HOST, self.port or spoken.port
        return self.base_url or [f"http://{f'[{host}]' if ':' in host else host}:{port}"]


@dataclass(frozen=True)
class PaceOptions:
    """How many requests are sent, and when."""

    num_prompts: Annotated[
        int | None, Option("--num-prompts", "--request-count", help="Requests to send.", show_default="1000")
    ] = None
    max_concurrency: Annotated[
        list[str] | None,
        Option("--max-concurrency", "--concurrency", help="Most requests in flight; several make a sweep."),
    ] = None
    request_rate: Annotated[
        float | None, Option(help="Requests/s; inf: all are due at once.", show_default="inf, or a trace's own times")
    ] = None
    burstiness: Annotated[float, Option(help="Shape of the gamma-distributed gaps; 1 is Poisson.")] = 1.0
    arrival_pattern: Annotated[ArrivalPattern, Option("--arrival-pattern", help="Gaps of an open loop.")] = (
        ArrivalPattern.GAMMA
    )
    ramp_up_strategy: Annotated[
        RampStrategy | None, Option("--ramp-up-strategy", help="Let the request rate rise.")
    ] = None
    ramp_up_start_rps: Annotated[
        float | None, Option("--ramp-up-start-rps", help="... from so many requests/s"), Fills("rate_ramp.start")
    ] = None
    ramp_up_end_rps: Annotated[
        float | None, Option("--ramp-up-end-rps", help="... to so many."), Fills("rate_ramp.end")
    ] = None
    concurrency_ramp_duration: Annotated[
        float,
        Option("--concurrency-ramp-duration", min=0, help="Open the slots of a closed loop over so many seconds."),
    ] = 0.0
    probe_request_rate: Annotated[
        float, Option("--probe-request-rate", min=0, help="Send requests for one token beside the load, so many per s.")
    ] = 0.0
    duration: Annotated[float | None, Option(help="Send nothing new after so many seconds."), Fills("duration_s")] = (
        None
    )
    grace_period: Annotated[
        float, Option(min=0, help="... and let what is in flight end within so many more."), Fills("grace_s")
    ] = 30.0

    @property
    def limits(self) -> list[int]:
        """The concurrency limits of a sweep; none where none is set."""
        return parse_list("--max-concurrency", self.max_concurrency or [], int, "a whole number")

    @property
    def rate_ramp(self) -> RateRamp | None:
        """The rate ramp; all three options or none."""
        strategy, start, end = self.ramp_up_strategy, self.ramp_up_start_rps, self.ramp_up_end_rps
        if strategy is None and start is None and end is None:
            return None
        if strategy is None or start is None or end is None:
            raise UsageError("a ramp needs --ramp-up-strategy, --ramp-up-start-rps and --ramp-up-end-rps together")
        return RateRamp(strategy, start, end)


@dataclass(frozen=True)
class MeasuringOptions:
    """What counts, how often it is measured, and against which limits."""

    num_warmups: Annotated[int, Option(help="Requests sent before and not counted.")] = 0
    ignore_eos: Annotated[
        bool | None,
        Option(
            "--ignore-eos/--no-ignore-eos", help="Generate exactly --osl tokens.", show_default="yes, but for texts"
        ),
    ] = None
    seed: Annotated[int, Option(min=0, max=LARGEST_SEED, help="Seed of lengths, prompts and arrivals.")] = 0
    goodput: Annotated[
        list[str] | None, Option(metavar="METRIC:MS", help="Limits, as in ttft:2000,tpot:20."), Fills("slo")
    ] = None
    num_profile_runs: Annotated[
        int, Option("--num-profile-runs", "--num-runs", min=1, help="Repeats, each with its own seed.")
    ] = 1
    search: Annotated[bool, Option("--search", help="Find the highest concurrency that keeps --goodput.")] = False
    max_error_rate: Annotated[
        float | None,
        Option(
            min=0,
            max=1,
            help="Share of requests that may fail; stop when more do (exit code 7).",
            show_default="none may, but the load goes on",
        ),
    ] = None
    gpus: Annotated[int, Option(min=1, help="GPUs of the deployment, for figures per GPU.")] = 1

    @property
    def slo(self) -> GoodputSlo | None:
        """The goodput limits. Raises UsageError."""
        return goodput_slo(parse_list("--goodput", self.goodput or [], parse_clause, "METRIC:MS, as in ttft:2000"))


@dataclass(frozen=True)
class PatienceOptions:
    """What is done about an answer that does not come, and how what comes is stamped and counted."""

    stall_timeout: Annotated[
        float | None,
        Option(help="Longest time of a request without a byte, s; without it, 1800 of all of them together."),
    ] = None
    retries: Annotated[int, Option(min=0, help="Send again after a refused connection, a 429 or a 5xx.")] = 0
    continuous_usage_stats: Annotated[
        bool, Option("--continuous-usage-stats", help="Ask for token counts in every chunk.")
    ] = False
    kernel_timestamps: Annotated[bool, Option("--kernel-timestamps", help="Stamp with the kernel's receive times.")] = (
        False
    )

    @property
    def used(self) -> dict[str, Any]:
        """What an `Endpoint` takes of it."""
        return {
            "stall_timeout_s": self.stall_timeout,
            "retries": self.retries,
            "continuous_usage": self.continuous_usage_stats,
            "kernel_timestamps": self.kernel_timestamps,
        }


@dataclass(frozen=True)
class ClientOptions:
    """What is done before the load, and what sends it."""

    flush_cache: shared.FlushCache = True
    ready_check_timeout_sec: shared.ReadyTimeout = 0
    workers: Annotated[str, Option(help="Processes that share the load; auto: as many as the self-check asks for.")] = (
        "1"
    )
    ray: Annotated[str | None, Option(help="Address of a Ray cluster to share the load; local: on this machine.")] = (
        None
    )

    @property
    def client(self) -> Client:
        """How the load is sent. Raises UsageError."""
        from inferbench.runs.bench.bench import Client

        return Client(
            workers=self._workers,
            ray=self.ray,
            ready_timeout_s=self.ready_check_timeout_sec,
            flush_cache=self.flush_cache,
        )

    @property
    def _workers(self) -> int | Literal["auto"]:
        if self.workers == "auto":
            return "auto"
        (number,) = parse_list("--workers", [self.workers], int, "a whole number or auto") or [0]
        if number < 1:
            raise UsageError(f"--workers {self.workers} must be at least 1, or auto")
        return number
