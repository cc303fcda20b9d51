"""Calibrating the twin to measured points, and validating it on them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from ..calibration.agreement import agreements, sample
from ..calibration.baselines import Baseline, baselines
from ..calibration.calibrate import calibrate
from ..calibration.configuration import predictable
from ..calibration.document import document
from ..calibration.kv_probe import calibrate_kv
from ..calibration.points import read_points
from ..calibration.priors import seeded
from ..calibration.split import SPLITS, Split
from ..calibration.validate import Validation, validate
from ..calibration.write import around_fitted, write_stacks
from ..domain.errors import UsageError
from ..domain.files import read_value
from ..domain.names import unknown
from ..domain.probe import KvProbe
from ..loadgen.selfcheck import cores
from ..twin.parameters import PARAMETERS_FILE, KvTransferParameters, load_parameters
from .catalogue import gpus, models
from .twin_agreement import simulate

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


def baselines_of(points: Path, train: Path) -> tuple[Baseline, ...]:
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
    with ProcessPoolExecutor(min(len(splits), cores()), get_context("spawn")) as pool:
        scored = list(pool.map(validate_twin, [points] * len(splits), splits))
    found: dict[str, Validation] = {split or "frozen": one for split, one in zip(splits, scored, strict=True)}
    model, parameters = models()[MODEL], seeded(load_parameters())
    own, _ = predictable(model, gpus(), read_points(points).points, parameters)
    return document(found, agreements(model, gpus(), sample(own, PER_CLASS), parameters, simulate))
