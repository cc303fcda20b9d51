"""Noise between runs: a machine that is measured again is a little faster or slower for the whole of that run."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from statistics import NormalDist

from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.engine.decode_worker import StepTime
from inferbench.simulator.engine.prefill_worker import PrefillTime, TransferTime
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.timing.decode_step import Coefficients
from inferbench.simulator.timing.speculative_decoding import uniform


def run_factor(seed: int, key: str, noise: float) -> float:
    """Return the factor on all times of one run, log-normal with median 1 and a standard deviation of `noise`.

    It follows from the run's seed and what is run (`key`) alone; a noise of 0 is exactly 1.
    """
    if not noise:
        return 1.0
    digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest()
    drawn = uniform(int.from_bytes(digest, "little"))
    return math.exp(noise * NormalDist().inv_cdf(max(drawn, 2**-53)))


def paced(cluster: Cluster, factor: float) -> Cluster:
    """Return a cluster whose every time is `factor` as long; at 1 the cluster itself."""
    if factor == 1.0:
        return cluster
    return replace(
        cluster,
        prefill=_ScaledPrefill(cluster.prefill, factor),
        transfer=ScaledTransfer(cluster.transfer, factor),
        decode=_ScaledStep(cluster.decode, factor),
        handoff_seconds=cluster.handoff_seconds * factor,
        delay_ns=round(cluster.delay_ns * factor),
    )


@dataclass(frozen=True, slots=True)
class _ScaledPrefill:
    """A prefill pass that takes a factor as long."""

    time: PrefillTime
    factor: float

    def seconds(
        self, tokens: Real, squared_tokens: Real, prompts: Real, rank_tokens: Real, rank_squared_tokens: Real, /
    ) -> Real:
        return self.factor * self.time.seconds(tokens, squared_tokens, prompts, rank_tokens, rank_squared_tokens)


@dataclass(frozen=True, slots=True)
class ScaledTransfer:
    """A transfer that takes a factor as long."""

    time: TransferTime
    factor: float

    def seconds(self, tokens: Real, /) -> Real:
        """Time that a prompt's cache holds its link."""
        return self.factor * self.time.seconds(tokens)


@dataclass(frozen=True, slots=True)
class _ScaledStep:
    """A decode pass that takes a factor as long."""

    step: StepTime
    factor: float

    def coefficients(self, fullest: Real, batch: Real) -> Coefficients:
        own, factor = self.step.coefficients(fullest, batch), self.factor
        return Coefficients(
            fixed=factor * own.fixed,
            per_context_token=factor * own.per_context_token,
            floor=factor * own.floor,
            latency_per_context_token=factor * own.latency_per_context_token,
        )
