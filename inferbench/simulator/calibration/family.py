"""The fits of all stacks from one set of training points: each starts from its relatives, and each is made once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.simulator.calibration.configuration import Configuration
from inferbench.simulator.calibration.fit import Fit, Problem, fit
from inferbench.simulator.calibration.free_parameters import FreeParameter
from inferbench.simulator.calibration.priors import PARENTS, PRIORS, inherited, seeded, unfitted, with_block
from inferbench.simulator.calibration.trial_parameters import with_free_parameters
from inferbench.simulator.parameters.parameters import TwinParameters

FURTHER = 0.5
"""Weight of a relative over that of the one before it, for a stack without points."""
LEAST_WEIGHT = 0.02
OWN_ALONE = ("skew", "padding", "context_ns", "tp_context_ns", "tep_layer_us")
"""Terms of one stack's own runs, which no other takes over."""


class Family:
    """Constants of every stack by the same training points."""

    def __init__(
        self,
        model: ModelSpec,
        gpus: Mapping[str, Gpu],
        training: Sequence[Configuration],
        base: TwinParameters,
        starts: int = 1,
    ) -> None:
        self._model, self._gpus, self._base, self._starts = model, gpus, seeded(base), starts
        self._own: dict[str, list[Configuration]] = defaultdict(list)
        for configuration in training:
            self._own[configuration.point.stack].append(configuration)
        self._known: dict[str, TwinParameters] = {}
        self.fits: dict[str, Fit] = {}

    def parameters(self, stack: str) -> TwinParameters | None:
        """Parameters in which `stack` has been fitted to its own points, or else has those of its nearest relative.

        None where neither it nor any relative has points.
        """
        if not self._own[stack]:
            parents = [parent for parent in PARENTS[stack] if self._own[parent]]
            return self._blended(stack, parents) if parents else None
        if stack not in self._known:
            self._known[stack] = self._fitted(stack)
        return self._known[stack]

    def _ancestor(self, stack: str) -> str | None:
        """The nearest stack with points among first parents: these end at the stacks that have priors."""
        while stack not in PRIORS:
            stack = PARENTS[stack][0]
            if self._own[stack]:
                return stack
        return None

    def _inheriting(self, stack: str, parent: str) -> TwinParameters:
        gpu, framework = parent.split()
        found = self.parameters(parent)
        assert found is not None
        return with_block(self._base, stack, inherited(self._base, stack, found.stacks[gpu][framework]))

    def _blended(self, stack: str, parents: Sequence[str]) -> TwinParameters:
        """Constants between those of several relatives: means of logs, each as far as its own points tell it."""
        start = self._inheriting(stack, parents[0])
        told: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
        for place, parent in enumerate(parents):
            self.parameters(parent)
            own = self.fits[parent]
            for free_parameter, z, spread in zip(own.free_parameters, own.z, own.spread, strict=True):
                if free_parameter.path[0] != "eras" and free_parameter.path[1] not in OWN_ALONE:
                    weight = max(1 - float(spread) ** 2, LEAST_WEIGHT) * FURTHER**place
                    told[free_parameter.path].append((math.log(float(free_parameter.at(np.array(z)))), weight))
        means = {path: np.average([v for v, _ in of], weights=[w for _, w in of]) for path, of in told.items()}
        free_parameters = [FreeParameter(path, math.exp(mean), 1.0) for path, mean in means.items()]
        return with_free_parameters(start, stack, free_parameters, np.zeros(len(free_parameters)))

    def _fitted(self, stack: str) -> TwinParameters:
        parent = self._ancestor(stack)
        if parent is not None:
            start = self._inheriting(stack, parent)
        else:
            start = with_block(self._base, stack, unfitted(self._base, stack))
        problem = Problem(start, self._model, self._gpus[stack.split()[0]], stack, self._own[stack])
        self.fits[stack] = fit(problem, starts=self._starts)
        return with_free_parameters(start, stack, problem.free_parameters, self.fits[stack].z)
