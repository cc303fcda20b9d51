"""`inferbench audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from inferbench.cli.options import shared
from inferbench.cli.output import put


def audit(
    path: Annotated[Path, typer.Argument(metavar="FILE|RUN", help="A run, a claim, or InferenceX's rows.")],
    all_flags: Annotated[
        bool, typer.Option("--all", help="Show every flag, not only the first of each check.")
    ] = False,
    json: shared.Json = False,
) -> None:
    """Say which measured points are not plausible.

    Flags are observations with the rule that they break; no cause is guessed, and a flag is no error.
    """
    from inferbench.audits import tables
    from inferbench.claim.audit import audit as audit_path
    from inferbench.cli.console import say, show

    report = audit_path(path)
    if json:
        put(orjson.dumps(report.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
        return
    show(tables.audit_table(report))
    for line in tables.flag_lines(report, None if all_flags else tables.SHOWN, ", shown with --all"):
        say(line)
