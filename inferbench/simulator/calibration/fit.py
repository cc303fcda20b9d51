"""The fit: constants of one stack to measured points, robustly, from several starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from inferbench.arrays import Floats
from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.simulator.calibration.configuration import Batch, Configuration, batches, evaluate, tokens_per_gpu
from inferbench.simulator.calibration.free_parameters import FreeParameter, free_parameters_of
from inferbench.simulator.calibration.trial_parameters import with_free_parameters
from inferbench.simulator.parameters.parameters import TwinParameters

NOISE = {("mi355x sglang", "dep"): 0.10}
USUAL_NOISE = 0.06
"""Log error that one point is expected to have, by stack and kind of decode worker: the unit of the residuals.

More where repeats within days lie further apart: by 14 % (median) for MI355X with DP attention, by 0.6 % for TP with EP
there, by about 1 % on B200. Chosen with the points in view, as is BEND."""
BEND = 0.5
"""Where the robust loss goes over from squares to absolute values, in units of the noise."""
TTFT_NOISE = 0.5
"""That of TTFT, which queues make as uncertain as that."""
STEP = 1e-3
"""Of the numeric derivative, in prior spreads."""
STARTS = 3
START_SPREAD = 0.7
"""Of the random starts, in prior spreads."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Constants of a stack at the end of a fit."""

    stack: str
    free_parameters: list[FreeParameter]
    z: Floats
    spread: Floats
    """Standard error of each, in prior spreads."""
    costs: tuple[float, ...]
    """Robust cost of each start, best first."""


class Problem:
    """The residuals of one stack's points for any set of constants."""

    def __init__(
        self, base: TwinParameters, model: ModelSpec, gpu: Gpu, stack: str, configurations: Sequence[Configuration]
    ) -> None:
        start = base.stacks[stack.split()[0]][stack.split()[1]]
        self.free_parameters = free_parameters_of(stack, configurations, start)
        self.stack, self._base, self._model, self._gpu = stack, base, model, gpu
        self._batches: list[Batch] = batches(configurations)
        points = [c.point for c in configurations]
        self._tpot = np.log([p.tpot_s or np.nan for p in points])
        self._rate = np.log([p.tokens_s_gpu or np.nan for p in points])
        self._ttft = np.log([p.ttft_s or np.nan for p in points])
        self._noise = np.array([NOISE.get((stack, p.decode.kind), USUAL_NOISE) for p in points])
        self._weight = np.sqrt([p.weight for p in points]) / self._noise

    def logs(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        """Log TPOT, throughput and TTFT of every point: (points,), or (sets, points) for many z."""
        parameters = with_free_parameters(self._base, self.stack, self.free_parameters, z)
        shape = (*z.shape[:-1], len(self._weight))
        tpot, rate, ttft = np.empty(shape), np.empty(shape), np.empty(shape)
        for batch in self._batches:
            state = evaluate(self._model, self._gpu, batch, parameters)
            tpot[..., batch.places] = np.log(state.tpot_s)
            rate[..., batch.places] = np.log(tokens_per_gpu(batch, state))
            ttft[..., batch.places] = np.log(state.ttft_s)
        return tpot, rate, ttft

    def residuals(self, z: Floats) -> Floats:
        """Weighted log errors of the points, then the distance from the priors."""
        tpot, rate, ttft = self.logs(z)
        late = (ttft - self._ttft) * self._weight * self._noise / TTFT_NOISE
        errors = np.concatenate([(tpot - self._tpot) * self._weight, (rate - self._rate) * self._weight, late], axis=-1)
        errors = np.nan_to_num(errors)
        soft = BEND * np.sqrt(2 * (np.sqrt(1 + (errors / BEND) ** 2) - 1))  # soft L1 on the points, not on the priors
        bent = np.sign(errors) * soft
        return np.concatenate([bent, z], axis=-1)

    def jacobian(self, z: Floats) -> Floats:
        """Its derivative, all constants moved at once in one evaluation."""
        sets = z + STEP * np.vstack([np.eye(len(z)), np.zeros(len(z))])
        values = self.residuals(sets)
        slopes: Floats = (values[:-1] - values[-1]).T / STEP
        return slopes


def fit(problem: Problem, seed: int = 0, starts: int = STARTS) -> Fit:
    """Return the best of several starts, the first of them at the priors."""
    rng = np.random.default_rng(seed)
    n = len(problem.free_parameters)
    begins = [np.zeros(n), *(START_SPREAD * rng.standard_normal((starts - 1, n)))]
    found = [
        least_squares(problem.residuals, z, problem.jacobian, method="trf", max_nfev=40, ftol=1e-5, xtol=1e-5)
        for z in begins
    ]
    found.sort(key=lambda result: result.cost)
    best = found[0]
    covariance = np.linalg.inv(best.jac.T @ best.jac)
    spread = np.sqrt(np.diag(covariance))
    return Fit(problem.stack, problem.free_parameters, best.x, spread, tuple(float(r.cost) for r in found))
