"""Setting two runs side by side."""

from __future__ import annotations

from collections.abc import Collection

from inferbench.metrics.summary import Basis
from inferbench.runs.comparison.compare_runs import PointComparison
from inferbench.runs.comparison.compare_runs import compare as compare_points
from inferbench.runs.opened_run import Run


def compare(
    baseline: Run, candidate: Run, *, basis: Basis = Basis.WHOLE_RUN, allow_different: Collection[str] = ()
) -> tuple[PointComparison, ...]:
    """Compare the sweep points that two runs share, figure by figure, as ratios candidate / baseline.

    `basis` is the whole run, ramp and drain included, or its steady state. The result has one entry per shared point.
    Raises IncomparableError, naming the keys, where `baseline` and `candidate` were made under different conditions,
    unless the keys are in `allow_different` because the difference is the question.
    """
    return compare_points(
        baseline.manifest,
        baseline.summaries,
        candidate.manifest,
        candidate.summaries,
        basis=basis,
        allow_different=frozenset(allow_different),
    )
