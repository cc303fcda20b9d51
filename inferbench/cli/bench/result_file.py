"""The file that `--save-result` writes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from typer import Option

from inferbench.cli.files import write_file
from inferbench.cli.lists import parse_list, parse_pairs
from inferbench.formats.validity_keys import trust_keys
from inferbench.formats.vllm.write_result import DEFAULT_METRICS, METRICS, VllmHeader, vllm_result
from inferbench.metrics.request_counts import ProbeRequests
from inferbench.metrics.summary import PointSummary
from inferbench.secrets.redact import redact, redact_json
from inferbench.secrets.values import HIDDEN

if TYPE_CHECKING:
    from inferbench.loadgen.http.endpoint import Endpoint
    from inferbench.runs.bench.bench import BenchRun
    from inferbench.runs.bench.bench_plan import BenchLoad


def metric(text: str) -> str:
    """Check the name of a latency metric. Raises ValueError for another name."""
    if text not in METRICS:
        raise ValueError
    return text


def percentile(text: str) -> float:
    """Read a percentile. Raises ValueError outside 0..100."""
    value = float(text)
    if not 0 <= value <= 100:
        raise ValueError
    return value


def _probe_keys(probe: ProbeRequests | None) -> dict[str, Any]:
    """What vLLM writes of probe requests, where some succeeded."""
    if probe is None or not probe.completed:
        return {}
    return {
        "probe_completed": probe.completed,
        "probe_failed": probe.failed,
        "probe_median_e2el_ms": probe.p50_ms,
        "probe_p99_e2el_ms": probe.p99_ms,
        "probe_max_e2el_ms": probe.max_ms,
    }


@dataclass(frozen=True)
class ResultFile:
    """Whether, where and with what the file is written."""

    wanted: bool
    directory: Path
    name: str | None
    """None: named as `vllm bench serve` names it."""
    detailed: bool
    append: bool
    """Add it to the file as one more line, instead of writing the file anew."""
    backend: str | None
    """Name of the backend that was asked for; None: by the endpoint's path."""
    model: str | None
    """Name of the model that was asked for; None: that at the endpoint."""
    label: str | None
    metadata: Mapping[str, str]
    metrics: Sequence[str]
    percentiles: Sequence[float]

    @property
    def _label(self) -> str | None:
        return None if self.label is None else redact(self.label)

    def content(self, endpoint: Endpoint, load: BenchLoad, done: BenchRun) -> dict[str, Any]:
        """The result under the keys and by the formulas of `vllm bench serve`."""
        began, ramp = datetime.datetime.fromtimestamp(done.began_unix), load.rate_ramp
        header = VllmHeader(
            date=f"{began:%Y%m%d-%H%M%S}",
            endpoint_type=self.backend or ("openai-chat" if endpoint.path.endswith("/chat/completions") else "openai"),
            model_id=self.model or done.model,
            num_prompts=done.summary.counts.planned,
            request_rate=load.request_rate,
            burstiness=load.burstiness,
            max_concurrency=load.max_concurrency,
            begin_unix=done.began_unix,
            end_unix=done.ended_unix,
            label=self._label,
            metadata=redact_json(self.metadata),
            ramp=None if ramp is None else (ramp.strategy.value, ramp.start, ramp.end),
            sessions=load.turns is not None or load.trace is not None,
            good_requests=None if load.slo is None else _good(done.summary),
        )
        result = vllm_result(
            done.records(),
            header,
            percentile_metrics=self.metrics,
            percentiles=self.percentiles,
            detailed=self.detailed,
        )
        summary, told = done.summary, {"notes": list(done.notes)}
        counts = {} if summary.tokens is None else {"token_counts": summary.tokens.model_dump(mode="json")}
        return result | trust_keys(summary) | _probe_keys(summary.probe) | counts | told

    def write(self, content: Mapping[str, Any], load: BenchLoad) -> Path:
        """Write the file and return its path. Raises UsageError where it cannot be written."""
        path = self.directory / (self.name or self._default_name(content, load))
        write_file(path, orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE), append=self.append)
        return path

    def _default_name(self, content: Mapping[str, Any], load: BenchLoad) -> str:
        rate, ramp = f"{load.request_rate}qps", load.rate_ramp
        if ramp is not None:
            rate = f"ramp-up-{ramp.strategy.value}-{ramp.start:g}qps-{ramp.end:g}qps"
        limit = f"-concurrency{load.max_concurrency}" if load.max_concurrency is not None else ""
        model = str(content["model_id"]).rsplit("/", maxsplit=1)[-1]
        name = (self._label or str(content["endpoint_type"])).replace(HIDDEN, "hidden")
        return f"{name}-{rate}{limit}-{model}-{content['date']}.json"


@dataclass(frozen=True)
class ResultOptions:
    """The options about the file."""

    save_result: Annotated[bool, Option("--save-result", help="Write a file with the keys of `vllm bench serve`.")] = (
        False
    )
    save_detailed: Annotated[bool, Option("--save-detailed", help="... with per-request lists.")] = False
    append_result: Annotated[
        bool, Option("--append-result", help="... after what is in it; implies --save-result.")
    ] = False
    result_dir: Annotated[Path | None, Option(help="Directory of that file; implies --save-result.")] = None
    result_filename: Annotated[str | None, Option(help="Name of that file; implies --save-result.")] = None
    percentile_metrics: Annotated[
        list[str] | None, Option(help="Latencies in it.", show_default=",".join(DEFAULT_METRICS))
    ] = None
    metric_percentiles: Annotated[list[str] | None, Option(help="Percentiles in it.", show_default="99")] = None
    metadata: Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Extra keys in it.")] = None
    label: Annotated[str | None, Option(help="Begins its name, and stands in it.")] = None

    def file(self, backend: str | None, model: str | None) -> ResultFile:
        """What they ask for, under the names of the backend and the model that were asked for. Raises UsageError."""
        metrics, percentiles = self.percentile_metrics or DEFAULT_METRICS, self.metric_percentiles or ["99"]
        return ResultFile(
            wanted=any(
                (self.save_result, self.save_detailed, self.append_result, self.result_dir, self.result_filename)
            ),
            directory=self.result_dir or Path(),
            name=self.result_filename,
            detailed=self.save_detailed,
            append=self.append_result,
            backend=backend,
            model=model,
            label=self.label,
            metadata=parse_pairs("--metadata", self.metadata or []),
            metrics=parse_list("--percentile-metrics", metrics, metric, f"one of {', '.join(METRICS)}"),
            percentiles=parse_list("--metric-percentiles", percentiles, percentile, "between 0 and 100"),
        )


def _good(summary: PointSummary) -> int:
    """Requests that kept the goodput SLO."""
    throughput = summary.whole_run.throughput if summary.whole_run else None
    return round((throughput.goodput or 0) * (throughput.seconds or 0)) if throughput else 0
