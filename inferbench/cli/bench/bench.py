"""`inferbench bench`: the flags, defaults and result keys of `vllm bench serve`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from inferbench.cli.bench import options
from inferbench.cli.bench.data import DataOptions
from inferbench.cli.bench.other_clients import BenchCommand
from inferbench.cli.bench.output import code_of, run_once, show_repeats
from inferbench.cli.bench.parts import backend_of, endpoints_of, ramp_of, workers_of
from inferbench.cli.bench.result_file import ResultFile, metric, percentile
from inferbench.cli.lists import parse_list, parse_pairs
from inferbench.errors import ExitCode, UsageError
from inferbench.formats.vllm.write_result import DEFAULT_METRICS, METRICS
from inferbench.metrics.goodput import goodput_slo, parse_clause
from inferbench.store.run_directory import DEFAULT_STORE

if TYPE_CHECKING:
    from inferbench.runs.bench.bench import BenchRun
    from inferbench.runs.bench.bench_plan import BenchLoad

COMMAND = BenchCommand


def bench(
    base_url: options.BaseUrl = None,
    host: options.Host = None,
    port: options.Port = None,
    backend: options.Backend = None,
    endpoint: options.AnyPath = None,
    model: options.Model = None,
    served_model_name: options.ServedModel = None,
    num_prompts: options.NumPrompts = None,
    max_concurrency: options.MaxConcurrency = None,
    request_rate: options.RequestRate = None,
    burstiness: options.Burstiness = 1.0,
    arrival_pattern: options.ArrivalShape = options.ArrivalPattern.GAMMA,
    ramp_up_strategy: options.RampUp = None,
    ramp_up_start_rps: options.RampUpStart = None,
    ramp_up_end_rps: options.RampUpEnd = None,
    concurrency_ramp_duration: options.ConcurrencyRamp = 0.0,
    probe_request_rate: options.ProbeRate = 0.0,
    duration: options.Duration = None,
    grace_period: options.GracePeriod = 30.0,
    isl: options.Isl = None,
    osl: options.Osl = None,
    random_range_ratio: options.RangeRatio = "0",
    dataset_name: options.DatasetName = options.Dataset.RANDOM,
    dataset_path: options.DatasetPath = None,
    disable_shuffle: options.DisableShuffle = False,
    self_timed: options.SelfTimed = None,
    trace_speed_up: options.TraceSpeedUp = 1.0,
    trace_block_size: options.TraceBlockSize = None,
    trace_time_unit: options.TraceTimeUnit = None,
    strict_trace: options.StrictTrace = False,
    tokenizer: options.Tokenizer = None,
    vocab_size: options.VocabSize = None,
    random_prefix_len: options.PrefixLen = None,
    num_prefixes: options.NumPrefixes = None,
    num_turns: options.NumTurns = 1,
    think_time: options.ThinkTime = 0.0,
    num_warmups: options.NumWarmups = 0,
    ignore_eos: options.IgnoreEos = None,
    seed: options.Seed = 0,
    goodput: options.Goodput = None,
    num_profile_runs: options.NumRuns = 1,
    search: options.Search = False,
    max_error_rate: options.MaxErrorRate = None,
    gpus: options.Gpus = 1,
    header: options.Header = None,
    extra_body: options.ExtraBody = None,
    sampling: options.Sampling = None,
    request_id_prefix: options.RequestIds = None,
    api_key_file: options.ApiKeyFile = None,
    insecure: options.Insecure = False,
    request_timeout: options.RequestTimeout = 21600,
    stall_timeout: options.StallTimeout = None,
    retries: options.Retries = 0,
    continuous_usage_stats: options.ContinuousUsage = False,
    kernel_timestamps: options.KernelTimestamps = False,
    flush_cache: options.FlushCache = True,
    ready_check_timeout_sec: options.ReadyTimeout = 0,
    workers: options.Workers = "1",
    ray: options.Ray = None,
    store: options.Store = DEFAULT_STORE,
    save_result: options.SaveResult = False,
    save_detailed: options.SaveDetailed = False,
    append_result: options.AppendResult = False,
    result_dir: options.ResultDir = None,
    result_filename: options.ResultFilename = None,
    percentile_metrics: options.PercentileMetrics = None,
    metric_percentiles: options.MetricPercentiles = None,
    metadata: options.Metadata = None,
    label: options.Label = None,
    disable_tqdm: options.DisableTqdm = False,
    json: options.Json = False,
) -> int:
    """Send a load to an OpenAI-compatible endpoint.

    Exactly --num-prompts requests are sent at each concurrency: no canary, no retries unless asked for. The API
    key is read from OPENAI_API_KEY or --api-key-file. Every flag of `vllm bench serve` is taken, or refused with what
    to use instead: docs/dropin.md lists them.
    """
    from inferbench.runs.bench.bench import Client
    from inferbench.runs.bench.bench_plan import BenchLoad

    spoken = backend_of(backend, endpoint)
    targets = endpoints_of(
        base_url,
        address=(host, port or spoken.port),
        key_file=api_key_file,
        path=spoken.path,
        model=served_model_name or model,
        headers=parse_pairs("--header", header or [], hidden=True),
        extra_body=extra_body,
        sampling=sampling,
        request_id_prefix=request_id_prefix,
        request_timeout_s=request_timeout,
        stall_timeout_s=stall_timeout,
        retries=retries,
        continuous_usage=continuous_usage_stats,
        kernel_timestamps=kernel_timestamps,
        tokenizer=tokenizer,
        verify_tls=not insecure,
    )
    data = DataOptions(
        name=dataset_name,
        path=dataset_path,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        isl=isl,
        osl=osl,
        range_ratio=random_range_ratio,
        prefix=random_prefix_len,
        prefixes=num_prefixes,
        num_turns=num_turns,
        think_s=think_time,
        speed_up=trace_speed_up,
        block_size=trace_block_size,
        time_unit=trace_time_unit,
        strict=strict_trace,
        shuffle=not disable_shuffle,
    )
    isls, osls = data.lengths
    load = BenchLoad(
        num_prompts=num_prompts,
        isl=isls,
        osl=osls,
        request_rate=math.inf if request_rate is None else request_rate,
        self_timed=data.self_timed(self_timed, by_rate=request_rate is not None),
        burstiness=1.0 if arrival_pattern is options.ArrivalPattern.POISSON else burstiness,
        constant=arrival_pattern is options.ArrivalPattern.CONSTANT or math.isinf(burstiness),
        rate_ramp=ramp_of(ramp_up_strategy, ramp_up_start_rps, ramp_up_end_rps),
        slot_ramp_s=concurrency_ramp_duration,
        duration_s=duration,
        grace_s=grace_period,
        num_warmups=num_warmups,
        ignore_eos=data.ignore_eos(ignore_eos, spoken.ignore_eos),
        seed=seed,
        prompts=data.prompts,
        shared=data.shared,
        turns=data.turns,
        trace=data.trace,
        max_error_rate=1.0 if max_error_rate is None else max_error_rate,
        slo=goodput_slo(parse_list("--goodput", goodput or [], parse_clause, "METRIC:MS, as in ttft:2000")),
        gpus=gpus,
        probe_rate=probe_request_rate,
    )
    client = Client(
        workers=workers_of(workers), ray=ray, ready_timeout_s=ready_check_timeout_sec, flush_cache=flush_cache
    )
    result = ResultFile(
        wanted=any((save_result, save_detailed, append_result, result_dir, result_filename)),
        directory=result_dir or Path(),
        name=result_filename,
        detailed=save_detailed,
        append=append_result,
        backend=backend,
        model=model,
        label=label,
        metadata=parse_pairs("--metadata", metadata or []),
        metrics=parse_list(
            "--percentile-metrics", percentile_metrics or DEFAULT_METRICS, metric, f"one of {', '.join(METRICS)}"
        ),
        percentiles=parse_list("--metric-percentiles", metric_percentiles or ["99"], percentile, "between 0 and 100"),
    )
    limits = parse_list("--max-concurrency", max_concurrency or [], int, "a whole number")
    if result.name is not None and (len(limits) > 1 or num_profile_runs > 1 or search):
        raise UsageError("--result-filename names one file, and this writes several; use --result-dir")

    def run(asked: BenchLoad) -> BenchRun:
        return run_once(targets, asked, client, result, json, store, quiet=disable_tqdm)

    loads = [replace(load, max_concurrency=limit) for limit in limits] or [load]
    if search:
        return _search(loads, run)
    return _all(loads, run, num_profile_runs, json, max_error_rate)


def _all(
    loads: list[BenchLoad], run: Callable[[BenchLoad], BenchRun], repeats: int, json: bool, may_fail: float | None
) -> ExitCode:
    """Run each load as often as asked for; the first exit code that is not OK counts."""
    codes = []
    for load in loads:
        done = []
        for repeat in range(repeats):
            done.append(run(replace(load, seed=load.seed + repeat)))
            codes.append(code_of(done[-1], may_fail))
            if done[-1].interrupted:
                return codes[-1]
        if repeats > 1 and not json:
            show_repeats(load, done)
    return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


def _search(loads: list[BenchLoad], run: Callable[[BenchLoad], BenchRun]) -> ExitCode:
    from inferbench.cli.console import say
    from inferbench.runs.bench.concurrency_search import search_concurrency
    from inferbench.runs.bench.search_text import search_sentence

    if len(loads) > 1:
        raise UsageError("--search takes one --max-concurrency: the highest load to try")
    found = search_concurrency(loads[0], run, lambda sample: print(f"concurrency {sample.load}: {sample.note}"))
    say(search_sentence(found))
    if found.decided:
        return ExitCode.OK
    return ExitCode.INVALID if found.invalid else ExitCode.UNDECIDED
