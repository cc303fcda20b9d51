"""How sure a simulated figure is: from the twin's errors on topologies that it was not fitted to."""

from __future__ import annotations

from inferbench.comparison.verdict import Reading
from inferbench.scenario.scenario import Scenario
from inferbench.simulator.parameters.error_intervals import interval_of


def half_width_of(scenario: Scenario, deployment: str, topology: str) -> float:
    """Relative half-width of simulated throughput of one topology: what was measured, and at least what is declared.

    An imported point may have no topology of the scenario; then the declared width stands.
    """
    spec = scenario.deployment(deployment)
    shape = next((t for t in spec.topologies if t.name == topology), None)
    measured = 0.0 if shape is None else interval_of(spec, shape)[0]
    return max(scenario.twin.half_width, measured)


def half_width_at(scenario: Scenario, reading: Reading) -> float:
    """Relative half-width of a reading: the wider of the two neighbours that it lies between."""
    neighbours = [point.topology for point in (reading.below, reading.above) if point is not None]
    widths = [half_width_of(scenario, reading.deployment, topology) for topology in neighbours]
    return max(widths, default=scenario.twin.half_width)
