"""`inferbench twin validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown


def validate(
    points: Annotated[Path, shared.MEASURED],
    split: Annotated[
        str | None,
        typer.Option(
            metavar="topology|shape|lengths|backend",
            help="Refit on the rest of the file and predict what is held out; none: the constants as they are.",
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Score baselines beside the twin that learn from this CSV, and a roofline."),
    ] = None,
    document: Annotated[
        Path | None, typer.Option(help="Write every basis and the table of targets to this Markdown file.")
    ] = None,
    json: shared.Json = False,
) -> None:
    """Score the twin on measured points: errors, ranking, intervals, failures, beside the spread of repeats."""
    from inferbench.cli.files import write_file
    from inferbench.simulator.validation.document import baselines_table, failures_table, scores_table
    from inferbench.simulator.validation.held_out_splits import SPLITS
    from inferbench.simulator.validation.validate_twin import baselines_of, validate_twin, validation_document

    if split is not None and split not in SPLITS:
        raise UsageError(f"--split: {unknown('split', split, SPLITS)}")
    if document is not None:
        write_file(document, validation_document(points).encode())
        print(f"written: {document}")
        return
    found = validate_twin(points, split)
    beside = baselines_of(points, train) if train is not None else ()
    if json:
        shown = found.model_dump(mode="json") | {"baselines": [each.model_dump(mode="json") for each in beside]}
        put(orjson.dumps(shown) + b"\n")
        return
    print(f"basis: {found.basis}; MAPE / median / p90 / bias, percent\n")
    print(scores_table(found, classes=False) + "\n\n" + scores_table(found, classes=True) + "\n")
    if beside:
        print(baselines_table(beside) + "\n")
    print(failures_table(found))
