"""The options with which `inferbench run` and `inferbench eval` are pointed at a running deployment."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inferbench.cli.bench.parts import endpoints_of
from inferbench.cli.lists import parse_list, parse_pairs
from inferbench.errors import UsageError
from inferbench.loadgen.progress import MAX_ERROR_RATE

if TYPE_CHECKING:
    from inferbench.endpoint.discovery import Site
    from inferbench.runs.measure.attach import Choice
    from inferbench.runs.measure.attached_point import HowToMeasure
    from inferbench.runs.measure.monitored_deployment import WhatToWatch
    from inferbench.runs.opened_run import Run
    from inferbench.runs.sweep import OnProgress
    from inferbench.scenario.scenario import Scenario

Option = typer.Option

BaseUrl = Annotated[
    list[str] | None,
    Option("--base-url", "--url", help="Measure what runs there instead of the twin; several get requests in turn."),
]
PrefillUrl = Annotated[list[str] | None, Option(help="A prefill worker behind the router; as often as there are some.")]
DecodeUrl = Annotated[list[str] | None, Option(help="A decode worker behind the router.")]
RouterUrl = Annotated[str | None, Option(help="The router, where --base-url is not it.")]
Deployment = Annotated[str | None, Option(help="Which deployment of the scenario runs there.")]
Topology = Annotated[str | None, Option(help="Which of its topologies.")]
Concurrency = Annotated[
    list[str] | None, Option(help="Loads to measure it at.", show_default="the topology's own", metavar="N,N")
]
LaunchCommand = Annotated[str | None, Option(help="How it was launched, for engines that do not tell.")]
Telemetry = Annotated[bool, Option(help="Read the metrics of every engine once a second, beside the records.")]
RouterMetricsUrl = Annotated[list[str] | None, Option(help="A router's metrics page, on the port that it has it on.")]
GpuMetricsUrl = Annotated[list[str] | None, Option(help="Metrics of a DCGM or AMD device metrics exporter.")]
GpuTool = Annotated[
    list[str] | None,
    Option(metavar="COMMAND", help="nvidia-smi or amd-smi, with what must stand before it: 'ssh node7 amd-smi'."),
]
MaxErrorRate = Annotated[
    float | None,
    Option(
        min=0, max=1, help="Share of requests that may fail; stop when more do (exit code 7).",
        show_default=f"none may, and {MAX_ERROR_RATE:.0%} stop it",
    ),
]  # fmt: skip


def site_of(
    base_urls: list[str] | None,
    prefill_urls: list[str] | None,
    decode_urls: list[str] | None,
    router_url: str | None,
    launch_command: str | None,
    *,
    path: str,
    model: str | None,
    headers: list[str] | None,
    extra_body: str | None,
    key_file: Path | None,
    insecure: bool,
    request_timeout_s: float,
) -> Site:
    """Put the options of a running deployment together. Raises UsageError for what cannot be used."""
    from inferbench.endpoint.discovery import Site
    from inferbench.loadgen.http.endpoint import Endpoint

    endpoints = endpoints_of(
        base_urls,
        key_file=key_file,
        extra_body=extra_body,
        path=path,
        model=model,
        headers=parse_pairs("--header", headers or [], hidden=True),
        request_timeout_s=request_timeout_s,
        verify_tls=not insecure,
    )
    prefill = parse_list("--prefill-url", prefill_urls or [], str, "a URL")
    decode = parse_list("--decode-url", decode_urls or [], str, "a URL")
    if bool(prefill) != bool(decode):
        raise UsageError("--prefill-url and --decode-url go together: name the workers of both roles")
    for url in (*prefill, *decode, *([router_url] if router_url else [])):
        Endpoint(url, path)  # says what is wrong with it
    return Site(tuple(endpoints), tuple(prefill), tuple(decode), router_url, launch_command)


def choice_of(deployment: str | None, topology: str | None, concurrency: list[str] | None) -> Choice:
    """Which part of the scenario runs there. Raises UsageError."""
    from inferbench.runs.measure.attach import Choice

    return Choice(deployment, topology, tuple(parse_list("--concurrency", concurrency or [], int, "a whole number")))


def watch_of(
    telemetry: bool, router_urls: list[str] | None, gpu_urls: list[str] | None, gpu_tools: list[str] | None
) -> WhatToWatch:
    """What is read while the load runs. Raises UsageError for what cannot be used."""
    from inferbench.loadgen.http.endpoint import Endpoint
    from inferbench.runs.measure.monitored_deployment import WhatToWatch
    from inferbench.telemetry.monitor import WatchedGpus

    for url in (*(router_urls or []), *(gpu_urls or [])):
        Endpoint(url, "/metrics")  # says what is wrong with it
    gpus = []
    for command in gpu_tools or []:
        *prefix, tool = command.split() or [""]
        if tool not in ("nvidia-smi", "amd-smi"):
            raise UsageError(f"--gpu-tool {command!r} must end with nvidia-smi or amd-smi")
        gpus.append(WatchedGpus(tool=tool, prefix=tuple(prefix)))
    return WhatToWatch(telemetry, tuple(router_urls or ()), tuple(gpu_urls or ()), tuple(gpus))


def how_of(
    workers: int | None,
    tokenizer: Path | None,
    ready_timeout_s: float,
    flush_cache: bool,
    max_error_rate: float | None,
    watch: WhatToWatch,
) -> HowToMeasure:
    """How the load is sent."""
    from inferbench.runs.measure.attached_point import HowToMeasure
    from inferbench.workload.prompt_source import PromptSource

    return HowToMeasure(
        workers=workers or "auto",
        prompts=PromptSource(tokenizer=tokenizer),
        ready_timeout_s=ready_timeout_s,
        flush_cache=flush_cache,
        max_error_rate=MAX_ERROR_RATE if max_error_rate is None else max_error_rate,
        watch=watch,
    )


def check(real: bool, needs: Mapping[str, object], refuses: Mapping[str, object]) -> None:
    """Hold options against whether a deployment is measured: those it `needs`, and those it `refuses`."""
    for name, value in (refuses if real else needs).items():
        if value:
            raise UsageError(f"{name} {'does not go' if real else 'goes'} with --base-url")


def measure(
    scenario: str,
    site: Site,
    choice: Choice,
    how: HowToMeasure,
    repeats: int,
    *,
    live: bool,
    store: str,
    allowed: list[str],
) -> Iterator[Run]:
    """Measure a deployment so many times, repeat i with the scenario's seed + i."""
    from inferbench.catalog.bundled import load_scenario
    from inferbench.runs.measure.attach import attach

    spec = load_scenario(scenario)
    for repeat in range(repeats):
        with _bar(spec, choice) as watch:
            finished = attach(
                scenario, site, choice, how=how, store=store, live=live and repeat == 0, on_progress=watch,
                command=sys.argv, seed=spec.load.seed + repeat, allow_different=allowed,
            )  # fmt: skip
        yield finished


def go_on(
    path: Path, site: Site, choice: Choice, how: HowToMeasure, *, live: bool, allowed: list[str]
) -> Iterator[Run]:
    """Measure a deployment, or what is left of one, into a run that is there."""
    from inferbench.runs.measure.attach import attach_to_run
    from inferbench.runs.opened_run import open_run

    with _bar(open_run(path).scenario, choice) as watch:
        yield attach_to_run(path, site, choice, how=how, live=live, on_progress=watch, allow_different=allowed)


def _bar(spec: Scenario | None, choice: Choice) -> AbstractContextManager[OnProgress]:
    """A progress bar for what is measured."""
    from inferbench.cli.progress import progress_bars
    from inferbench.runs.measure.attach import chosen_points

    points = chosen_points(spec, choice) if spec else []
    each = spec.load.prompts_per_concurrency if spec else 0
    return progress_bars({points[0].deployment: each * sum(p.concurrency for p in points)} if points else {})
