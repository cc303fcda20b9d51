"""`inferbench bench`: the flags, defaults and result keys of `vllm bench serve`."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..domain.errors import ExitCode, UsageError
from ..interop.vllm import METRICS
from ..loadgen.drive import INTERRUPTED
from ..store.rundir import DEFAULT_STORE
from . import bench_options as options
from .lists import parse_list, parse_pairs
from .result_file import ResultFile, metric, percentile

if TYPE_CHECKING:
    from ..api.bench import BenchLoad, BenchRun
    from ..targets.endpoint import Endpoint


def bench(
    base_url: options.BaseUrl = "http://127.0.0.1:8000",
    endpoint: options.EndpointPath = "/v1/completions",
    model: options.Model = None,
    num_prompts: options.NumPrompts = 1000,
    max_concurrency: options.MaxConcurrency = None,
    request_rate: options.RequestRate = math.inf,
    burstiness: options.Burstiness = 1.0,
    isl: options.Isl = 1024,
    osl: options.Osl = 128,
    random_range_ratio: options.RangeRatio = 0.0,
    num_warmups: options.NumWarmups = 0,
    ignore_eos: options.IgnoreEos = True,
    seed: options.Seed = 0,
    max_error_rate: options.MaxErrorRate = 1.0,
    gpus: options.Gpus = 1,
    header: options.Header = None,
    extra_body: options.ExtraBody = None,
    insecure: options.Insecure = False,
    request_timeout: options.RequestTimeout = 21600,
    ready_check_timeout_sec: options.ReadyTimeout = 0,
    store: options.Store = DEFAULT_STORE,
    save_result: options.SaveResult = False,
    save_detailed: options.SaveDetailed = False,
    result_dir: options.ResultDir = None,
    result_filename: options.ResultFilename = None,
    percentile_metrics: options.PercentileMetrics = None,
    metric_percentiles: options.MetricPercentiles = None,
    metadata: options.Metadata = None,
    label: options.Label = None,
    json: options.Json = False,
) -> int:
    """Send a load to an OpenAI-compatible endpoint.

    Exactly --num-prompts requests are sent at each concurrency: no canary, no retries. The API key is read from
    OPENAI_API_KEY.
    """
    from pydantic import SecretStr

    from ..api.bench import BenchLoad
    from ..targets.endpoint import Endpoint
    from ..workload.lengths import around

    key = os.environ.get("OPENAI_API_KEY")
    target = Endpoint(
        base_url=base_url,
        path=endpoint,
        model=model,
        api_key=SecretStr(key) if key else None,
        headers=parse_pairs("--header", header or []),
        extra_body=_extra_body(extra_body),
        request_timeout_s=request_timeout,
        verify_tls=not insecure,
    )
    limits: list[int | None] = []
    limits += parse_list("--max-concurrency", max_concurrency or [], int, "a whole number")
    loads = [
        BenchLoad(
            num_prompts=num_prompts,
            isl=around(isl, random_range_ratio),
            osl=around(osl, random_range_ratio),
            max_concurrency=limit,
            request_rate=request_rate,
            burstiness=burstiness,
            num_warmups=num_warmups,
            ignore_eos=ignore_eos,
            seed=seed,
            max_error_rate=max_error_rate,
            gpus=gpus,
        )
        for limit in (limits or [None])
    ]
    result = ResultFile(
        wanted=save_result or save_detailed or result_dir is not None or result_filename is not None,
        directory=result_dir or Path(),
        name=result_filename,
        detailed=save_detailed,
        label=label,
        metadata=parse_pairs("--metadata", metadata or []),
        metrics=parse_list(
            "--percentile-metrics", percentile_metrics or METRICS[:3], metric, f"one of {', '.join(METRICS)}"
        ),
        percentiles=parse_list("--metric-percentiles", metric_percentiles or ["99"], percentile, "between 0 and 100"),
    )
    if result.name is not None and len(loads) > 1:
        raise UsageError("--result-filename names one file, and a sweep writes several; use --result-dir")
    codes = [_one(target, load, result, json, store, ready_check_timeout_sec) for load in loads]
    return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


def _extra_body(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"--extra-body: not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise UsageError("--extra-body: must be a JSON object, as in '{\"top_p\": 0.9}'")
    return body


def _one(endpoint: Endpoint, load: BenchLoad, result: ResultFile, json: bool, store: Path, ready_s: float) -> ExitCode:
    """Run one concurrency, print what came of it, and return its exit code."""
    from ..api import bench as runner
    from ..api.sweep import PointProgress
    from ..loadgen.dispatcher import Progress
    from .progress import progress_bars

    name = f"concurrency {load.concurrency}"
    with progress_bars({name: load.num_prompts}) as on_progress:

        def watch(progress: Progress) -> None:
            on_progress(
                PointProgress(name, name, progress.planned, progress.ended, progress.in_flight, progress.failed)
            )

        done = runner.bench(endpoint, load, store=store, ready_timeout_s=ready_s, on_progress=watch, command=sys.argv)
    content = result.content(endpoint, load, done)
    if result.wanted:
        print(f"Result file: {result.write(content, load)}", file=sys.stderr)
    if json:
        sys.stdout.buffer.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
    else:
        _show(done)
    return _code(done)


def _show(done: BenchRun) -> None:
    from ..report.tables_points import bench_table
    from .console import show

    show(bench_table(done.summary))
    print(f"Run: {done.run.path}")


def _code(done: BenchRun) -> ExitCode:
    """How the run ended, as an exit code; each that is not OK says why on stderr."""
    client, counts = done.summary.client, done.summary.counts
    if done.stop_reason is not None:
        print(f"inferbench: stopped early: {done.stop_reason}", file=sys.stderr)
        return ExitCode.INTERRUPTED if done.stop_reason == INTERRUPTED else ExitCode.ERROR_RATE
    if counts.ok == 0:
        first = next((error for error in done.records().errors if error), "no reason was given")
        print(f"inferbench: none of {counts.planned} requests succeeded; the first failure: {first}", file=sys.stderr)
        return ExitCode.ENDPOINT
    if client is not None and not client.valid:
        print(f"inferbench: INVALID: {'; '.join(client.reasons)}", file=sys.stderr)
        return ExitCode.INVALID
    return ExitCode.OK
