"""Calibrating the twin to measured points, and validating it on them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from inferbench.catalog.bundled import gpus, models
from inferbench.errors import UsageError
from inferbench.evidence.points_csv import read_points
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import read_value
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.dispatcher import Dispatcher
from inferbench.loadgen.health.ceiling import cores
from inferbench.loadgen.sinks import Kept
from inferbench.microbench.kv_result import KvProbe
from inferbench.processes.pool import in_processes
from inferbench.records.request_record import PassChunks
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.calibration.calibrate import calibrate
from inferbench.simulator.calibration.configuration import RANGE_RATIO, predictable
from inferbench.simulator.calibration.kv_backend import calibrate_kv
from inferbench.simulator.calibration.priors import seeded
from inferbench.simulator.calibration.write_parameters import around_fitted, write_stacks
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.simulator.parameters.parameters import PARAMETERS_FILE, KvTransferParameters, load_parameters
from inferbench.simulator.validation.agreement import Simulated, agreements, sample, simulated
from inferbench.simulator.validation.baselines import BaselineScores, baselines
from inferbench.simulator.validation.document import document
from inferbench.simulator.validation.held_out_splits import SPLITS, Split
from inferbench.simulator.validation.validate import Validation, validate
from inferbench.units import NS_PER_S
from inferbench.workload.planner import make_plan

WAVES = 10
"""Requests per slot of a measured run."""


def simulate(cluster: Cluster, isl: int, osl: int, concurrency: int) -> Simulated:
    """Run the closed loop of a measured point on the twin, request by request."""
    plan = make_plan(
        WAVES * concurrency, isl=_lengths(isl), osl=_lengths(osl), seed=1, salt="", max_concurrency=concurrency
    )
    clock, kept = VirtualClock(), Kept()
    dispatcher = Dispatcher(plan, TwinTarget(cluster, clock), clock, kept)
    dispatcher.start()
    clock.run(lambda: dispatcher.finished)
    tpots, ttfts = [], []
    for record in kept.records:
        assert isinstance(record.chunks, PassChunks)
        assert record.sent_ns is not None
        ttfts.append((record.chunks.first_ns - record.sent_ns) / NS_PER_S)
        tpots.append((record.end_ns - record.chunks.first_ns) / (record.osl - 1) / NS_PER_S)
    return simulated(tpots, ttfts, max(record.end_ns for record in kept.records) / NS_PER_S)


def _lengths(nominal: int) -> Lengths:
    return Lengths(nominal=nominal, min=max(int(RANGE_RATIO * nominal), 1), max=nominal)


PER_CLASS = 3
"""Configurations of each class that are simulated request by request."""
MODEL = "deepseek-r1-0528"
"""The model that all measured points are of."""


def calibrate_twin(points: Path, output: Path = PARAMETERS_FILE, progress: Callable[[str], None] = print) -> None:
    """Fit the twin to a file of measured points and write its constants into a parameter file.

    Raises FileError where that has no place for them, before the fit, which takes a while.
    """
    around_fitted(output)
    stacks = calibrate(models()[MODEL], gpus(), read_points(points), load_parameters(), datetime.date.today(), progress)
    write_stacks(output, stacks)


def calibrate_twin_kv(probe: Path, gpu: str, output: Path = PARAMETERS_FILE) -> KvTransferParameters:
    """Put what a KV probe found into a parameter file. Raises FileError for a file that is no probe, UsageError."""
    if gpu not in gpus():
        raise UsageError(unknown("GPU", gpu, list(gpus())))
    return calibrate_kv(read_value(probe, KvProbe), gpus()[gpu], output)


def validate_twin(points: Path, split: Split | None = None) -> Validation:
    """Score the twin on a file of measured points.

    split: None scores the constants that come with inferbench; otherwise each point is predicted by constants fitted
    to the other topologies, lengths or backends of the same file.
    """
    return validate(models()[MODEL], gpus(), read_points(points), load_parameters(), split)


def _score(job: tuple[Path, Split | None], _: object) -> Validation:
    return validate_twin(*job)


def baselines_of(points: Path, train: Path) -> tuple[BaselineScores, ...]:
    """Score what data alone predicts of a file of measured points, learnt from another, and a plain roofline.

    Raises UsageError where scikit-learn is missing, or where nothing may be learnt from the training file.
    """
    return baselines(models()[MODEL], gpus(), read_points(points), read_points(train), load_parameters())


def validation_document(points: Path) -> str:
    """Return the Markdown page of the frozen constants and of every split of a file of measured points.

    With it goes a sample of its configurations in the event simulation, which the steady state stands for. The splits
    are refitted beside each other, one to a core.
    """
    splits: tuple[Split | None, ...] = (None, *SPLITS)
    scored = dict(in_processes(_score, [(points, split) for split in splits], cores(), lambda _: None))
    found: dict[str, Validation] = {split or "frozen": scored[points, split] for split in splits}
    model, parameters = models()[MODEL], seeded(load_parameters())
    own, _ = predictable(model, gpus(), read_points(points).points, parameters)
    return document(found, agreements(model, gpus(), sample(own, PER_CLASS), parameters, simulate))
