"""Views with plausible numbers for the three deployments of the DeepSeek-R1 scenario. Nothing here was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from inferbench.comparison.conclude import conclude
from inferbench.comparison.frontier import front_of, usable_points
from inferbench.comparison.judge import judge
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import Conclusion
from inferbench.endpoint.fingerprint import TargetIdentity
from inferbench.files.yaml_values import read_value
from inferbench.loadgen.health.live_check import LiveResult, LiveStep
from inferbench.loadgen.workers.clock_sync import ClockAnchor
from inferbench.metrics.summary import Basis, ClientHealth, Origin, PointSummary, SweepPoint
from inferbench.pricing.price_books import load_book, price_of
from inferbench.runs.report.view import RunView
from inferbench.scenario.scenario import Scenario
from inferbench.store.manifest import BookStamp, ClientHost, PointManifest, RunManifest, RunState
from inferbench.token_cost.cost import Cost
from inferbench.token_cost.per_token import cost
from tests.support.report_points import healthy, late, summary, sweep

ROOT = Path(__file__).parents[2]
SCENARIO = read_value(ROOT / "scenarios" / "deepseek-r1-mi355x-vs-b200.yaml", Scenario)
BOOKS = tuple(load_book(ROOT / "pricing" / f"{name}.yaml") for name in SCENARIO.price_books)


def conclusions(scenario: Scenario, summaries: tuple[PointSummary, ...]) -> tuple[Conclusion, ...]:
    points = {d.name: usable_points(of(summaries, d.name), Basis.WHOLE_RUN) for d in scenario.deployments}
    out = []
    for at in scenario.operating_points:
        readings = [read_at(points[name], name, at) for name in points]
        verdicts = [
            judge(
                readings,
                {d.name: price_of(book, d.gpu, tier) for d in scenario.deployments},
                at,
                book=book.name,
                tier=tier,
                basis=Basis.WHOLE_RUN,
                origin=summaries[0].origin,
                half_width=scenario.twin.half_width,
            )
            for book in BOOKS
            for tier in book.tiers
        ]
        out.append(conclude(verdicts))
    return tuple(out)


def of(summaries: tuple[PointSummary, ...], deployment: str) -> tuple[PointSummary, ...]:
    return tuple(s for s in summaries if s.point.deployment == deployment)


def costs(scenario: Scenario, summaries: tuple[PointSummary, ...]) -> tuple[Cost, ...]:
    return tuple(
        cost(s, book, tier, scenario.deployment(s.point.deployment).gpu, Basis.WHOLE_RUN)
        for s in summaries
        for book in BOOKS
        for tier in book.tiers
    )


def live_result(invalid_from: int | None = 2048) -> LiveResult:
    steps = []
    for concurrency in (64, 256, 512, 1024, 2048):
        bad = invalid_from is not None and concurrency >= invalid_from
        error = 0.0004 * concurrency**0.5 + (0.11 if bad else 0)
        point = SweepPoint(
            deployment="loopback", topology="fixed-pace", concurrency=concurrency, prefill_gpus=0, decode_gpus=1
        )
        steps.append(
            LiveStep(
                concurrency=concurrency,
                summary=summary(
                    point,
                    300,
                    50 * (1 + error / 4),
                    200 * (1 + error),
                    Origin.MEASURED,
                    late() if bad else healthy(0.2 + concurrency / 400),
                ),
                truth_ttft_p50_ms=200.3,
                truth_tpot_p50_ms=50.02,
                ttft_error=200 * (1 + error) / 200.3 - 1,
                tpot_error=50 * (1 + error / 4) / 50.02 - 1,
            )
        )
    held = [s.concurrency for s in steps if s.summary.client and s.summary.client.valid]
    return LiveResult(steps=tuple(steps), held=max(held, default=None))


def manifest(
    summaries: tuple[PointSummary, ...], scenario: Scenario | None, state: RunState = RunState.COMPLETE
) -> RunManifest:
    anchor = ClockAnchor(wall_unix_ns=1_795_500_000_000_000_000, monotonic_ns=81_000_000_000)
    points = tuple(
        PointManifest(
            point=s.point,
            attempt=1,
            origin=s.origin,
            target=TargetIdentity(kind="twin", model="deepseek-ai/DeepSeek-R1-0528", gpu="b200")
            if s.origin is Origin.SIMULATED
            else TargetIdentity(
                kind="http", engine="sglang", engine_version="0.5.12", model="m", base_url="http://127.0.0.1:8000"
            ),
            prompt_hash=s.prompt_hash,
            anchor=anchor,
            benchmark_start_time_unix=1_795_500_000.0,
            benchmark_end_time_unix=1_795_500_060.0,
            checksums={},
        )
        for s in summaries
    )
    return RunManifest(
        format=1,
        run_id="2026-11-24T06-40-00Z-3f9a",
        kind="run" if scenario else "bench",
        state=state,
        reason="stopped by Ctrl-C" if state is RunState.PARTIAL else None,
        scenario=scenario.name if scenario else "http://127.0.0.1:8000",
        scenario_sha256="ab" * 32 if scenario else None,
        command=("inferbench", "run", "scenarios/deepseek-r1-mi355x-vs-b200.yaml"),
        seed=0,
        host=ClientHost(platform="Linux-6.1-x86_64", python="3.11.9", cpus=2, inferbench="0.1.0"),
        benchmark_start_time_unix=1_795_500_000.0,
        benchmark_end_time_unix=1_795_500_130.0,
        price_books=tuple(BookStamp(name=book.name, as_of=book.as_of.isoformat(), sha256="cd" * 32) for book in BOOKS)
        if scenario
        else (),
        points=points,
    )


def run_view(
    scenario: Scenario = SCENARIO,
    origin: Origin = Origin.SIMULATED,
    state: RunState = RunState.COMPLETE,
    live: LiveResult | None = None,
) -> RunView:
    summaries = sweep(scenario, origin)
    fronts = {d.name: front_of(usable_points(of(summaries, d.name), Basis.WHOLE_RUN)) for d in scenario.deployments}
    return RunView(
        manifest=manifest(summaries, scenario, state),
        scenario=scenario,
        summaries=summaries,
        fronts=fronts,
        costs=costs(scenario, summaries),
        conclusions=conclusions(scenario, summaries),
        live=live,
    )


def bench_view(client: ClientHealth | None = None, partial: bool = False, name: str = "endpoint") -> RunView:
    point = SweepPoint(deployment=name, topology="as-served", concurrency=64, prefill_gpus=0, decode_gpus=8)
    one = (summary(point, origin=Origin.MEASURED, client=client or healthy(), partial=partial),)
    state = RunState.PARTIAL if partial else RunState.COMPLETE
    return RunView(manifest(one, None, state), None, one, {}, (), (), None)


def hostile_view(name: str) -> RunView:
    """A view in which every free text that comes from a file or a server is `name`."""
    scenario = SCENARIO
    deployments = tuple(
        d.model_copy(update={"name": f"{name}{i}", "topologies": tuple(
            t.model_copy(update={"name": f"{name}{j}"}) for j, t in enumerate(d.topologies)
        )})
        for i, d in enumerate(scenario.deployments)
    )  # fmt: skip
    points = tuple(p.model_copy(update={"name": f"{name}{i}"}) for i, p in enumerate(scenario.operating_points))
    update = {"deployments": deployments, "operating_points": points, "title": name, "model": name}
    view = run_view(scenario.model_copy(update=update), live=live_result())
    live = view.live.steps[-1]
    client = live.summary.client.model_copy(update={"reasons": (name,)})
    step = live.model_copy(update={"summary": live.summary.model_copy(update={"client": client})})
    return replace(view, live=view.live.model_copy(update={"steps": (*view.live.steps[:-1], step)}))
