"""The options of `inferbench bench`, under the names that `vllm bench serve` gave them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.options.flags import Fills
from inferbench.files.number_limits import LARGEST_SEED
from inferbench.formats.vllm.write_result import DEFAULT_METRICS

Option = typer.Option


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


class RampStrategyOption(StrEnum):
    """How a request rate rises."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


BaseUrl = Annotated[
    list[str] | None,
    Option(
        "--base-url", "--url", help="Scheme, host and port; several get requests in turn.",
        show_default="http://127.0.0.1:8000",
    ),
]  # fmt: skip
Host = Annotated[str | None, Option(help="Host, without --base-url.", show_default="127.0.0.1")]
Port = Annotated[int | None, Option(min=1, max=65535, help="Port, without --base-url.", show_default="8000")]
Backend = Annotated[
    str | None, Option(metavar="NAME", help="openai-chat, sglang, ...: what decides the path, without --endpoint.")
]
EndpointPath = Annotated[str, Option("--endpoint", help="/v1/completions, /v1/chat/completions or /generate.")]
AnyPath = Annotated[
    str | None,
    Option("--endpoint", help="/v1/completions, /v1/chat/completions or /generate.", show_default="/v1/completions"),
]
Model = Annotated[str | None, Option(help="Model to ask for; by default the one that is served.")]
ServedModel = Annotated[
    str | None, Option("--served-model-name", help="The model's name at the endpoint, where it is another.")
]
Header = Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Extra request header.")]
ExtraBody = Annotated[
    str | None, Option(metavar="JSON", help="Extra keys of the request body; null takes one of ours out.")
]
Sampling = Annotated[str | None, Option(metavar="JSON", hidden=True, help="What --top-p and the like came to.")]
RequestIds = Annotated[
    str | None, Option("--request-id-prefix", help="Send x-request-id, which is this and the request's number.")
]
Insecure = Annotated[bool, Option("--insecure", help="Do not check the server's certificate.")]
RequestTimeout = Annotated[float, Option(help="Longest time for one request, s.")]
ReadyTimeout = Annotated[float, Option("--ready-check-timeout-sec", min=0, help="How long to wait for the endpoint.")]

ApiKeyFile = Annotated[Path | None, Option(help="File that holds the API key, instead of OPENAI_API_KEY.")]
StallTimeout = Annotated[
    float | None, Option(help="Longest time of a request without a byte, s; without it, 1800 of all of them together.")
]
Retries = Annotated[int, Option(min=0, help="Send again after a refused connection, a 429 or a 5xx.")]
KernelTimestamps = Annotated[bool, Option("--kernel-timestamps", help="Stamp with the kernel's receive times.")]
ContinuousUsage = Annotated[bool, Option("--continuous-usage-stats", help="Ask for token counts in every chunk.")]
FlushCache = Annotated[bool, Option(help="Empty the server's prefix cache first, where it has a way to.")]
Workers = Annotated[str, Option(help="Processes that share the load; auto: as many as the self-check asks for.")]
Ray = Annotated[str | None, Option(help="Address of a Ray cluster to share the load; local: on this machine.")]

NumPrompts = Annotated[
    int | None, Option("--num-prompts", "--request-count", help="Requests to send.", show_default="1000")
]
Duration = Annotated[float | None, Option(help="Send nothing new after so many seconds."), Fills("duration_s")]
GracePeriod = Annotated[
    float, Option(min=0, help="... and let what is in flight end within so many more."), Fills("grace_s")
]
MaxConcurrency = Annotated[
    list[str] | None,
    Option("--max-concurrency", "--concurrency", help="Most requests in flight; several make a sweep."),
]
RequestRate = Annotated[
    float | None, Option(help="Requests/s; inf: all are due at once.", show_default="inf, or a trace's own times")
]
ProbeRate = Annotated[
    float, Option("--probe-request-rate", min=0, help="Send requests for one token beside the load, so many per s.")
]
ArrivalShape = Annotated[ArrivalPattern, Option("--arrival-pattern", help="Gaps of an open loop.")]
RampUp = Annotated[RampStrategyOption | None, Option("--ramp-up-strategy", help="Let the request rate rise.")]
RampUpStart = Annotated[
    float | None, Option("--ramp-up-start-rps", help="... from so many requests/s"), Fills("rate_ramp.start")
]
RampUpEnd = Annotated[float | None, Option("--ramp-up-end-rps", help="... to so many."), Fills("rate_ramp.end")]
ConcurrencyRamp = Annotated[
    float, Option("--concurrency-ramp-duration", min=0, help="Open the slots of a closed loop over so many seconds.")
]
Burstiness = Annotated[float, Option(help="Shape of the gamma-distributed gaps; 1 is Poisson.")]
Isl = Annotated[int | None, Option("--isl", "--random-input-len", min=1, help="Prompt tokens.", show_default="1024")]
Osl = Annotated[
    int | None,
    Option("--osl", "--random-output-len", min=-1, help="Tokens to generate.", show_default="128"),
    Fills("trace.osl", "--custom-output-len"),
]
RangeRatio = Annotated[
    str, Option("--random-range-ratio", metavar="R", help="r: lengths are uniform over L(1-r)..L(1+r).")
]
DatasetName = Annotated[
    Dataset,
    Option(metavar="NAME", help=f"Made-up prompts, or what lies at --dataset-path: {', '.join(Dataset)}."),
    Fills("trace.kind"),
]
DisableShuffle = Annotated[bool, Option("--disable-shuffle", help="Take a data set in its own order.")]
SelfTimed = Annotated[
    bool | None, Option("--self-timed/--no-self-timed", help="Send at the times that the file tells.")
]
DatasetPath = Annotated[Path | None, Option(help="Its file.")]
TraceSpeedUp = Annotated[float, Option(help="Replay a trace so many times as fast."), Fills("trace.speed_up")]
TraceBlockSize = Annotated[
    int | None,
    Option(
        "--trace-block-size", "--isl-block-size", min=1, help="Tokens of a trace's block id.", show_default="as fits"
    ),
    Fills("trace.block_size"),
]
TraceTimeUnit = Annotated[
    TimeUnit | None,
    Option(help="Unit of a trace's times.", show_default="ms for mooncake, s for others"),
    Fills("trace.time_unit"),
]
StrictTrace = Annotated[bool, Option("--strict-trace", help="A line that cannot be used is an error.")]
Tokenizer = Annotated[Path | None, Option(help="The server's tokenizer.json, or its folder: prompts are then exact.")]
VocabSize = Annotated[int | None, Option(min=1, help="Token ids to draw from, without --tokenizer.")]
PrefixLen = Annotated[
    int | None,
    Option("--random-prefix-len", min=0, help="Tokens that prompts share, on top of --isl.", show_default="0"),
]
NumPrefixes = Annotated[
    int | None, Option(min=1, help="Groups of prompts with a shared prefix each.", show_default="1")
]
NumTurns = Annotated[int, Option(min=1, help="Turns of a session; each prompt holds what was said before.")]
ThinkTime = Annotated[float, Option(min=0, help="Seconds between an answer and the next turn.")]
NumWarmups = Annotated[int, Option(help="Requests sent before and not counted.")]
IgnoreEos = Annotated[
    bool | None,
    Option("--ignore-eos/--no-ignore-eos", help="Generate exactly --osl tokens.", show_default="yes, but for texts"),
]
Seed = Annotated[int, Option(min=0, max=LARGEST_SEED, help="Seed of lengths, prompts and arrivals.")]
MaxErrorRate = Annotated[
    float | None,
    Option(
        min=0, max=1, help="Share of requests that may fail; stop when more do (exit code 7).",
        show_default="none may, but the load goes on",
    ),
]  # fmt: skip
Goodput = Annotated[
    list[str] | None, Option(metavar="METRIC:MS", help="Limits, as in ttft:2000,tpot:20."), Fills("slo")
]
NumRuns = Annotated[int, Option("--num-profile-runs", "--num-runs", min=1, help="Repeats, each with its own seed.")]
Search = Annotated[bool, Option("--search", help="Find the highest concurrency that keeps --goodput.")]
Gpus = Annotated[int, Option(min=1, help="GPUs of the deployment, for figures per GPU.")]

Store = Annotated[Path, Option(help="Where runs are written.")]
SaveResult = Annotated[bool, Option("--save-result", help="Write a file with the keys of `vllm bench serve`.")]
SaveDetailed = Annotated[bool, Option("--save-detailed", help="... with per-request lists.")]
AppendResult = Annotated[bool, Option("--append-result", help="... after what is in it; implies --save-result.")]
ResultDir = Annotated[Path | None, Option(help="Directory of that file; implies --save-result.")]
ResultFilename = Annotated[str | None, Option(help="Name of that file; implies --save-result.")]
PercentileMetrics = Annotated[list[str] | None, Option(help="Latencies in it.", show_default=",".join(DEFAULT_METRICS))]
MetricPercentiles = Annotated[list[str] | None, Option(help="Percentiles in it.", show_default="99")]
Metadata = Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Extra keys in it.")]
Label = Annotated[str | None, Option(help="Begins its name, and stands in it.")]
DisableTqdm = Annotated[bool, Option("--disable-tqdm", help="Show no progress.")]
Json = Annotated[bool, Option("--json", help="Print that file's content instead of a table.")]
