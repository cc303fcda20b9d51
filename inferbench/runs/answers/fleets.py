"""The buyer's question: which deployment, in which topology, on how many GPUs, at what cost a year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from inferbench.catalog.bundled import gpus
from inferbench.comparison import explain
from inferbench.comparison.decide import cheapest
from inferbench.comparison.frontier import usable_by_deployment
from inferbench.comparison.operating_point import read_at
from inferbench.comparison.verdict import FrontierPoint
from inferbench.errors import FieldName, UsageError
from inferbench.files.spelling import unknown
from inferbench.fleet.fleet import Demand, Fleet, Replica, Sizing, WorkerShape
from inferbench.fleet.ranking import FleetPrices, best_of, fleet, yearly_cost
from inferbench.metrics.summary import Origin, PointSummary, SweepPoint
from inferbench.pricing.owned_book import Book
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.records.layout import MANIFEST
from inferbench.runs.answers.costs import gpus_of
from inferbench.runs.answers.judge import BASIS
from inferbench.runs.opened_run import Run, open_run
from inferbench.runs.prediction_interval import half_width_of
from inferbench.scenario.scenario import OperatingPoint, Slo
from inferbench.store.manifest import RunState


def size(
    run: Run,
    demand: Demand,
    slo: Slo,
    book: Book,
    tier: str,
    *,
    deployments: Sequence[str] = (),
    settings: CostSettings = BOOK_AS_IT_IS,
    gpus_per_node: int | None = None,
    packed: bool = False,
) -> Sizing:
    """Size a fleet of each deployment for a demand under an SLO, and rank them by yearly cost.

    Every sweep point that keeps the SLO is tried as what a fleet is made of. `deployments`: all of the run where
    empty; `gpus_per_node`: as many as the GPU's servers have where None. Raises UsageError for a deployment that the
    run does not have, FileError where the book lacks a GPU.
    """
    known = gpus_of(run)
    for name in deployments:
        if name not in known:
            raise UsageError(unknown("deployment", name, known))
    chosen = tuple(deployments) or tuple(known)
    prices = FleetPrices(book, tier, settings)
    fleets: list[Fleet] = []
    unreachable: dict[str, str] = {}
    for name in chosen:
        found = [
            fleet(demand, replica, prices, packed=packed)
            for replica in _replicas(run, name, known[name], slo, gpus_per_node)
        ]
        if not found:
            unreachable[name] = _why_none(run, name, slo)
        fleets += found
    best, others = best_of(fleets)
    decision = cheapest([(found.replica.deployment, yearly_cost(found, prices)) for found in best])
    ratio = decision.ratio and decision.ratio.interval
    return Sizing(
        demand=demand,
        slo=slo,
        book=book.name,
        tier=tier,
        basis=BASIS,
        packed=packed,
        fleets=tuple(best),
        others=tuple(others),
        unreachable=unreachable,
        outcome=decision.outcome,
        ratio=ratio and ratio.central,
        ratio_low=ratio and ratio.low,
        ratio_high=ratio and ratio.high,
        reason=explain.fleets(decision),
    )


def latest_run(store: Path, scenario: str) -> Run:
    """Open the latest complete run of a scenario (its name). Raises UsageError where the store has none."""
    for path in sorted(store.glob(f"{scenario}/*"), reverse=True):
        if (path / MANIFEST).is_file() and (run := open_run(path)).manifest.state is RunState.COMPLETE:
            return run
    raise UsageError(f"{store}: no complete run of scenario {scenario!r}; make one with `inferbench run {scenario}`")


def _points(run: Run, deployment: str) -> tuple[FrontierPoint, ...]:
    return usable_by_deployment(run.summaries, BASIS).get(deployment, ())


def _at(slo: Slo) -> OperatingPoint:
    return OperatingPoint(name="SLO", slo=slo)


def _why_none(run: Run, deployment: str, slo: Slo) -> str:
    return read_at(_points(run, deployment), deployment, _at(slo)).unreachable or "no usable point"


def _replicas(run: Run, deployment: str, gpu: str, slo: Slo, gpus_per_node: int | None) -> Iterator[Replica]:
    """Every sweep point of a deployment that keeps the SLO, as a replica."""
    kept = {
        (point.topology, point.concurrency)
        for point in _points(run, deployment)
        if read_at([point], deployment, _at(slo)).reachable
    }
    for summary in run.summaries:
        point, figures = summary.point, summary.on(BASIS)
        if figures is None or point.deployment != deployment or (point.topology, point.concurrency) not in kept:
            continue
        yield Replica(
            deployment=deployment,
            topology=point.topology,
            concurrency=point.concurrency,
            gpu=gpu,
            shapes=_shapes(run, point),
            total_tput=figures.throughput.total_tput,
            half_width=_half_width(run, summary),
            origin=summary.origin,
            gpus_per_node=gpus_per_node or _gpus_per_node(gpu),
        )


def _gpus_per_node(gpu: str) -> int:
    if gpu not in gpus():
        raise UsageError(f"{unknown('GPU', gpu, gpus())}; or give ", FieldName("gpus_per_node"))
    return gpus()[gpu].gpus_per_node


def _half_width(run: Run, summary: PointSummary) -> float:
    if summary.origin is not Origin.SIMULATED or run.scenario is None:
        return 0.0
    return half_width_of(run.scenario, summary.point.deployment, summary.point.topology)


def _shapes(run: Run, point: SweepPoint) -> tuple[WorkerShape, ...]:
    """The workers of a replica; a run without a scenario knows the GPUs of each role alone, taken as one worker."""
    if run.scenario is not None:
        topology = run.scenario.deployment(point.deployment).topology(point.topology)
        groups = (("prefill", topology.prefill), ("decode", topology.decode))
        return tuple(WorkerShape(role=role, workers=g.workers, gpus=g.gpus) for role, g in groups if g is not None)
    roles = (("prefill", point.prefill_gpus), ("decode", point.decode_gpus))
    return tuple(WorkerShape(role=role, workers=1, gpus=count) for role, count in roles if count)
