"""`inferbench twin calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.options import shared
from inferbench.cli.output import line
from inferbench.errors import UsageError


def calibrate(
    points: Annotated[Path | None, shared.MEASURED] = None,
    probe: Annotated[
        Path | None, typer.Option(help="File of `inferbench probe kv` on the cluster in question.")
    ] = None,
    gpu: Annotated[str, typer.Option(help="The GPU whose NICs were probed.")] = "mi355x",
    output: Annotated[Path | None, typer.Option(help="Parameter file to rewrite; that of the twin by default.")] = None,
) -> None:
    """Fit the twin's constants to measured points, and write them with their intervals.

    A constant per stack where kernel tables give none, and one factor per class of worker and era of software. With
    --probe, a KV transfer backend's constants become those that were measured.
    """
    from inferbench.simulator.parameters.parameters import PARAMETERS_FILE
    from inferbench.simulator.validation.validate_twin import calibrate_twin, calibrate_twin_kv

    if points is None and probe is None:
        raise UsageError("give --points, --probe, or both")
    path = output or PARAMETERS_FILE
    if probe is not None:
        found = calibrate_twin_kv(probe, gpu, path)
        line(f"{found.source}: {found.nic_efficiency:.1%} of a NIC, {found.software_us_per_layer:.3g} us a layer")
    if points is not None:
        calibrate_twin(points, path, print)
    line(f"written: {path}")
