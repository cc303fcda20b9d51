"""`inferbench bench`: the flags, defaults and result keys of `vllm bench serve`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from typer import Option

from inferbench.cli.bench.data import DataOptions
from inferbench.cli.bench.options import (
    AddressOptions,
    ClientOptions,
    MeasuringOptions,
    PaceOptions,
    PatienceOptions,
)
from inferbench.cli.bench.other_clients import BenchCommand
from inferbench.cli.bench.output import code_of, run_once, show_repeats
from inferbench.cli.bench.parts import backend_of, load_of
from inferbench.cli.bench.result_file import ResultOptions
from inferbench.cli.options import shared
from inferbench.cli.options.endpoint import AccessOptions, SamplingOptions, endpoints_of
from inferbench.cli.options.groups import grouped
from inferbench.errors import ExitCode, UsageError
from inferbench.store.run_directory import DEFAULT_STORE

if TYPE_CHECKING:
    from inferbench.runs.bench.bench import BenchRun
    from inferbench.runs.bench.bench_plan import BenchLoad

COMMAND = BenchCommand


@grouped
def bench(
    *,
    address: AddressOptions,
    pace: PaceOptions,
    data: DataOptions,
    measured: MeasuringOptions,
    sent: SamplingOptions,
    access: AccessOptions,
    patience: PatienceOptions,
    sender: ClientOptions,
    store: shared.StoreToWrite = DEFAULT_STORE,
    results: ResultOptions,
    disable_tqdm: Annotated[bool, Option("--disable-tqdm", help="Show no progress.")] = False,
    json: Annotated[bool, Option("--json", help="Print that file's content instead of a table.")] = False,
) -> int:
    """Send a load to an OpenAI-compatible endpoint.

    Exactly --num-prompts requests are sent at each concurrency: no canary, no retries unless asked for. The API
    key is read from OPENAI_API_KEY or --api-key-file. Every flag of `vllm bench serve` is taken, or refused with what
    to use instead: docs/dropin.md lists them.
    """
    spoken = backend_of(address.backend, address.endpoint)
    targets = endpoints_of(
        address.urls(spoken), spoken.path, sent, access, **patience.used,
        model=address.served_model_name or address.model, tokenizer=data.tokenizer,
    )  # fmt: skip
    load, limits = load_of(pace, data, measured, spoken), pace.limits
    client, result = sender.client, results.file(address.backend, address.model)
    repeats, search = measured.num_profile_runs, measured.search
    if result.name is not None and (len(limits) > 1 or repeats > 1 or search):
        raise UsageError("--result-filename names one file, and this writes several; use --result-dir")

    def run(asked: BenchLoad) -> BenchRun:
        return run_once(targets, asked, client, result, json, store, quiet=disable_tqdm)

    loads = [replace(load, max_concurrency=limit) for limit in limits] or [load]
    if search:
        return _search(loads, run)
    return _all(loads, run, repeats, json, measured.max_error_rate)


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
