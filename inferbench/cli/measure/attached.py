"""The options with which `inferbench run` and `inferbench eval` are pointed at a running deployment."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from inferbench.cli.lists import parse_list
from inferbench.cli.options import shared
from inferbench.cli.options.endpoint import AccessOptions, HeaderOptions, endpoints_of
from inferbench.errors import FieldName, UsageError
from inferbench.loadgen.progress import MAX_ERROR_RATE

if TYPE_CHECKING:
    from inferbench.endpoint.discovery import Site
    from inferbench.runs.measure.attach import Choice
    from inferbench.runs.measure.attached_point import HowToMeasure
    from inferbench.runs.measure.monitored_deployment import WhatToWatch
    from inferbench.runs.opened_run import Run
    from inferbench.runs.sweep import OnProgress
    from inferbench.scenario.scenario import Scenario


@dataclass(frozen=True)
class ChoiceOptions:
    """Which part of a scenario runs there, and at which loads it is measured."""

    deployment: Annotated[str | None, Option(help="Which deployment of the scenario runs there.")] = None
    topology: Annotated[str | None, Option(help="Which of its topologies.")] = None
    concurrency: Annotated[
        list[str] | None, Option(help="Loads to measure it at.", show_default="the topology's own", metavar="N,N")
    ] = None

    @property
    def choice(self) -> Choice:
        """The choice. Raises UsageError."""
        from inferbench.runs.measure.attach import Choice

        loads = parse_list("--concurrency", self.concurrency or [], int, "a whole number")
        return Choice(self.deployment, self.topology, tuple(loads))


@dataclass(frozen=True)
class SiteOptions:
    """What a deployment is made of, beside its front; how it was launched, and what is asked of it."""

    prefill_url: Annotated[
        list[str] | None, Option(help="A prefill worker behind the router; as often as there are some.")
    ] = None
    decode_url: Annotated[list[str] | None, Option(help="A decode worker behind the router.")] = None
    router_url: Annotated[str | None, Option(help="The router, where --base-url is not it.")] = None
    launch_command: Annotated[str | None, Option(help="How it was launched, for engines that do not tell.")] = None
    endpoint: shared.EndpointPath = "/v1/completions"
    model: shared.Model = None

    def site(self, base_urls: list[str] | None, sent: HeaderOptions, access: AccessOptions) -> Site:
        """The deployment behind those URLs. Raises UsageError for what cannot be used."""
        from inferbench.endpoint.discovery import Site
        from inferbench.loadgen.http.endpoint import Endpoint

        endpoints = endpoints_of(base_urls or [shared.DEFAULT_URL], self.endpoint, sent, access, model=self.model)
        prefill = parse_list("--prefill-url", self.prefill_url or [], str, "a URL")
        decode = parse_list("--decode-url", self.decode_url or [], str, "a URL")
        if bool(prefill) != bool(decode):
            raise UsageError("--prefill-url and --decode-url go together: name the workers of both roles")
        for url in (*prefill, *decode, *([self.router_url] if self.router_url else [])):
            Endpoint(url, self.endpoint)  # says what is wrong with it
        return Site(tuple(endpoints), tuple(prefill), tuple(decode), self.router_url, self.launch_command)


@dataclass(frozen=True)
class WatchOptions:
    """What is read while the load runs."""

    telemetry: Annotated[bool, Option(help="Read the metrics of every engine once a second, beside the records.")] = (
        True
    )
    router_metrics_url: Annotated[
        list[str] | None, Option(help="A router's metrics page, on the port that it has it on.")
    ] = None
    gpu_metrics_url: Annotated[list[str] | None, Option(help="Metrics of a DCGM or AMD device metrics exporter.")] = (
        None
    )
    gpu_tool: Annotated[
        list[str] | None,
        Option(metavar="COMMAND", help="nvidia-smi or amd-smi, with what must stand before it: 'ssh node7 amd-smi'."),
    ] = None

    @property
    def watched(self) -> WhatToWatch:
        """What is read. Raises UsageError for what cannot be used."""
        from inferbench.loadgen.http.endpoint import Endpoint
        from inferbench.runs.measure.monitored_deployment import WhatToWatch
        from inferbench.telemetry.monitor import WatchedGpus

        routers, exporters = tuple(self.router_metrics_url or ()), tuple(self.gpu_metrics_url or ())
        for url in (*routers, *exporters):
            Endpoint(url, "/metrics")  # says what is wrong with it
        gpus = []
        for command in self.gpu_tool or []:
            *prefix, tool = command.split() or [""]
            if tool not in ("nvidia-smi", "amd-smi"):
                raise UsageError(f"--gpu-tool {command!r} must end with nvidia-smi or amd-smi")
            gpus.append(WatchedGpus(tool=tool, prefix=tuple(prefix)))
        return WhatToWatch(self.telemetry, routers, exporters, tuple(gpus))


@dataclass(frozen=True)
class HowOptions:
    """What is done before the load, and how much of it may fail."""

    ready_check_timeout_sec: shared.ReadyTimeout = 0
    flush_cache: shared.FlushCache = True
    max_error_rate: Annotated[
        float | None,
        Option(
            min=0,
            max=1,
            help="Share of requests that may fail; stop when more do (exit code 7).",
            show_default=f"none may, and {MAX_ERROR_RATE:.0%} stop it",
        ),
    ] = None

    def how(self, workers: int | None, tokenizer: Path | None, watch: WhatToWatch) -> HowToMeasure:
        """How the load is sent."""
        from inferbench.runs.measure.attached_point import HowToMeasure
        from inferbench.workload.prompt_source import PromptSource

        return HowToMeasure(
            workers=workers or "auto",
            prompts=PromptSource(tokenizer=tokenizer),
            ready_timeout_s=self.ready_check_timeout_sec,
            flush_cache=self.flush_cache,
            max_error_rate=MAX_ERROR_RATE if self.max_error_rate is None else self.max_error_rate,
            watch=watch,
        )


def check(real: bool, needs: Mapping[str, object], refuses: Mapping[str, object]) -> None:
    """Hold options against whether a deployment is measured: those it `needs`, and those it `refuses`."""
    for name, value in (refuses if real else needs).items():
        if value:
            raise UsageError(FieldName(name), f" {'does not go' if real else 'goes'} with ", FieldName("base_url"))


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
    from inferbench.runs.measure.attach import attach
    from inferbench.scenario.read_scenario import load_scenario

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
