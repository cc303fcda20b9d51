"""How a load that came to its end went: whether the client can be believed, and whether its requests succeeded."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from inferbench.errors import ExitCode
from inferbench.loadgen.health.remedies import why_invalid
from inferbench.metrics.failure_kinds import sentence
from inferbench.metrics.summary import Origin, PointSummary


def invalid_code(summaries: Sequence[PointSummary], *, said: bool = False, named: bool = True) -> ExitCode:
    """INVALID where a client could not be believed, with why and what helps on stderr unless that was `said` already.

    `named`: say at which sweep point.
    """
    bad = [(s.point.key, why) for s in summaries if (why := why_invalid(s.client)) is not None]
    for key, why in () if said else bad:
        print(f"inferbench: INVALID: {f'{key}: ' if named else ''}{why}", file=sys.stderr)
    return ExitCode.INVALID if bad else ExitCode.OK


def failed_code(summaries: Sequence[PointSummary], allowed: float | None, *, named: bool = True) -> ExitCode:
    """ERROR_RATE where requests failed that nobody had allowed to, with a line on stderr for each sweep point.

    `allowed` is the share of those that ended which may fail; None: none was asked for, and none may.
    """
    code = ExitCode.OK
    for summary in summaries:
        share = summary.counts.failed_share
        if summary.origin is not Origin.MEASURED or share <= (allowed or 0.0):
            continue
        enough = math.ceil(share * 1000) / 1000
        where = f"{summary.point.key}: " if named else ""
        told = sentence(summary.counts, summary.failures)
        print(f"inferbench: {where}{told}; --max-error-rate {enough:g} accepts as many", file=sys.stderr)
        code = ExitCode.ERROR_RATE
    return code
