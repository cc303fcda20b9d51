"""Everything that a report of a run is made from, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from inferbench.audits.report import AuditReport
from inferbench.comparison.verdict import Conclusion, FrontierPoint, Verdict
from inferbench.loadgen.health.live_check import LiveResult
from inferbench.metrics.summary import Basis, Origin, PointSummary
from inferbench.render.format import short_names
from inferbench.scenario.scenario import OperatingPoint, Scenario
from inferbench.store.evaluation_files import Evaluation
from inferbench.store.manifest import RunManifest, RunState
from inferbench.telemetry.timeline import WatchedPoint
from inferbench.token_cost.cost import Cost


@dataclass(frozen=True)
class RunView:
    """A run with all that was derived from it."""

    manifest: RunManifest
    scenario: Scenario | None
    """None for an ad-hoc `bench` run, which has no fronts, costs or conclusions."""
    summaries: tuple[PointSummary, ...]
    fronts: Mapping[str, tuple[FrontierPoint, ...]]
    """The Pareto front of each deployment, by rising interactivity."""
    costs: tuple[Cost, ...]
    conclusions: tuple[Conclusion, ...]
    live: LiveResult | None
    audit: AuditReport | None = None
    """What stands out in the points of an imported run; None for a run of one's own."""
    evaluations: Mapping[str, tuple[Evaluation, ...]] = field(default_factory=dict)
    """Accuracy results of the launches that were measured, by fingerprint, oldest first."""

    watched: tuple[WatchedPoint, ...] = ()
    """Sweep points whose servers were watched."""

    @property
    def title(self) -> str:
        """The question that the run answers."""
        if self.manifest.kind == "import":
            return f"Published results imported from {self.audit.source if self.audit else 'elsewhere'}"
        return self.scenario.title if self.scenario else f"Load test of {self.manifest.scenario}"

    @cached_property
    def basis(self) -> Basis:
        """The one basis that verdicts, charts and the first figures of tables stand on."""
        verdicts = (verdict for conclusion in self.conclusions for verdict in conclusion.verdicts)
        return next((verdict.basis for verdict in verdicts), Basis.WHOLE_RUN)

    @cached_property
    def deployments(self) -> tuple[str, ...]:
        """Names of the deployments, in the scenario's order; those of the summaries where there is no scenario."""
        if self.scenario:
            return tuple(d.name for d in self.scenario.deployments)
        return tuple(dict.fromkeys(s.point.deployment for s in self.summaries))

    @cached_property
    def short(self) -> Mapping[str, str]:
        """The short name of each deployment."""
        return short_names(self.deployments)

    @cached_property
    def simulated(self) -> frozenset[str]:
        """Deployments with at least one simulated point."""
        return frozenset(s.point.deployment for s in self.summaries if s.origin is Origin.SIMULATED)

    @property
    def half_width(self) -> float | None:
        """Least relative half-width of simulated throughput, as declared; None where nothing is simulated."""
        return self.scenario.twin.half_width if self.scenario and self.simulated else None

    def half_width_of(self, deployment: str) -> float:
        """Widest relative half-width that a verdict takes a deployment's throughput with; 0 where it is measured."""
        if deployment not in self.simulated:
            return 0.0
        priced = (p for c in self.conclusions for v in c.verdicts for p in v.readings)
        own = (p.half_width for p in priced if p.reading.deployment == deployment and p.reading.reachable)
        return max(own, default=self.half_width or 0.0)

    @cached_property
    def invalid(self) -> tuple[PointSummary, ...]:
        """Sweep points during which the client could not be trusted."""
        return tuple(s for s in self.summaries if s.client and not s.client.valid)

    @property
    def partial(self) -> bool:
        """Whether the run, or any of its points, ended before all that was planned."""
        return self.manifest.state is not RunState.COMPLETE or any(s.partial for s in self.summaries)

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """The operating points that have a conclusion."""
        return tuple(c.operating_point for c in self.conclusions)

    @cached_property
    def price_choices(self) -> tuple[tuple[str, str], ...]:
        """Every (book, tier) that a verdict was made under, in the order of the verdicts."""
        return tuple(dict.fromkeys((v.book, v.tier) for c in self.conclusions for v in c.verdicts))

    def headline(self, conclusion: Conclusion) -> Verdict | None:
        """The verdict under the scenario's headline book and tier."""
        if self.scenario is None:
            return None
        return self.verdict(conclusion, self.scenario.headline.book, self.scenario.headline.tier)

    def verdict(self, conclusion: Conclusion, book: str, tier: str) -> Verdict | None:
        """The verdict under one book and tier; None where there is none."""
        return next((v for v in conclusion.verdicts if (v.book, v.tier) == (book, tier)), None)
