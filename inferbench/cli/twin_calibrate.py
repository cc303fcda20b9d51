"""`inferbench twin calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    points: Annotated[Path, typer.Option(help="CSV of measured points, in InferenceX's columns.")],
    output: Annotated[Path | None, typer.Option(help="Parameter file to rewrite; that of the twin by default.")] = None,
) -> None:
    """Fit the twin's constants to measured points, and write them with their intervals.

    A constant per stack where kernel tables give none, and one factor per class of worker and era of software.
    """
    from ..api.twin_calibration import calibrate_twin
    from ..twin.parameters import PARAMETERS_FILE

    calibrate_twin(points, output or PARAMETERS_FILE, print)
    print(f"written: {output or PARAMETERS_FILE}")
