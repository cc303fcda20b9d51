"""A metric over the runs of a store, and where its level changed."""

from __future__ import annotations

from pydantic import Field

from inferbench.regression.policy import RegressionMetric
from inferbench.values import Value


class HistoryRun(Value):
    """One run of a history."""

    run_id: str
    began_unix: float
    value: float
    """Geometric mean over the sweep points of the history."""


class LevelChange(Value):
    """A change of level between two runs that follow each other."""

    run_id: str
    """The first run at the new level."""
    began_unix: float
    before: float
    """Geometric mean of the level before."""
    after: float
    change: float
    """after / before - 1."""
    worse: bool
    matters: bool
    """Whether the change exceeds the effect that matters."""


class History(Value):
    """A metric over the runs of one scenario, oldest first."""

    scenario: str
    metric: RegressionMetric
    unit: str
    points: tuple[str, ...]
    """Sweep points that the values are means over."""
    runs: tuple[HistoryRun, ...]
    changes: tuple[LevelChange, ...]
    left_out: dict[str, int]
    """Runs of the scenario that the history does not hold, by reason."""
    invalid: dict[str, str] = Field(default_factory=dict)
    """Why the client of each of those that are INVALID could not be believed, by run."""
