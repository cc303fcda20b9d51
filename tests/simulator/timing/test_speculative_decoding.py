import random

import numpy as np
import pytest

from inferbench.simulator.timing.speculative_decoding import (
    PassSampler,
    tokens_per_pass,
    uniform,
    yield_probabilities,
)

CASES = [(0.6, 1), (0.6, 3), (0.72, 2), (0.0, 2), (0.9, 4)]


def chain(acceptance: float, depth: int, tokens: int, rng: random.Random) -> int:
    """The process itself, pass by pass and draft by draft: an independent ground truth."""
    made = passes = 0
    while made < tokens:
        passes += 1
        made += 1
        for _ in range(depth):
            if rng.random() >= acceptance:
                break
            made += 1
    return passes


@pytest.mark.parametrize(("acceptance", "depth"), CASES)
def test_expected_tokens_per_pass(acceptance: float, depth: int) -> None:
    closed_form = (1 - acceptance ** (depth + 1)) / (1 - acceptance)
    assert tokens_per_pass(acceptance, depth) == pytest.approx(closed_form)
    yields = yield_probabilities(acceptance, depth)
    assert sum(yields) == pytest.approx(1)
    assert sum(j * p for j, p in enumerate(yields, start=1)) == pytest.approx(closed_form)


@pytest.mark.parametrize(("acceptance", "depth"), CASES)
def test_mean_yield_of_long_outputs(acceptance: float, depth: int) -> None:
    sampler, tokens, n = PassSampler(acceptance, depth), 900, 4000
    passes = np.array([sampler.passes(tokens, seed) for seed in range(n)])
    # By Wald, E[passes] x E[yield] = tokens + overshoot, and the overshoot is less than the largest yield.
    error = 4 * passes.std() / np.sqrt(n)
    mean = tokens_per_pass(acceptance, depth)
    assert tokens / mean - error <= passes.mean() <= (tokens + depth) / mean + error


@pytest.mark.parametrize("tokens", [1, 2, 5, 60])
def test_draws_have_the_distribution_of_the_process(tokens: int) -> None:
    sampler, n, rng = PassSampler(0.6, 3), 20_000, random.Random(3)
    drawn = np.bincount([sampler.passes(tokens, seed) for seed in range(n)], minlength=tokens + 1)
    truth = np.bincount([chain(0.6, 3, tokens, rng) for _ in range(n)], minlength=tokens + 1)
    distance = np.abs(np.cumsum(drawn) - np.cumsum(truth)).max() / n
    assert distance < 2.3 * np.sqrt(2 / n)  # Kolmogorov-Smirnov, false alarm below 1e-4


def test_passes_stay_in_their_range() -> None:
    sampler = PassSampler(0.7, 3)
    passes = [sampler.passes(101, seed) for seed in range(2000)]
    assert min(passes) >= 26
    assert max(passes) <= 101


def test_without_drafts_a_pass_makes_one_token() -> None:
    assert PassSampler(0.7, 0).passes(1023, 5) == 1023


def test_no_tokens_need_no_pass() -> None:
    assert PassSampler(0.7, 3).passes(0, 5) == 0


def test_a_draw_depends_on_the_seed_alone() -> None:
    forward, backward = PassSampler(0.6, 2), PassSampler(0.6, 2)
    seeds = range(200)
    in_order = [forward.passes(500 + seed, seed) for seed in seeds]
    reversed_order = [backward.passes(500 + seed, seed) for seed in reversed(seeds)]
    assert in_order == reversed_order[::-1]


def test_uniform_is_uniform_over_neighbouring_seeds() -> None:
    values = np.array([uniform(seed) for seed in range(10_000)])
    assert values.min() >= 0
    assert values.max() < 1
    assert np.abs(np.sort(values) - np.arange(10_000) / 10_000).max() < 2.3 / np.sqrt(10_000)
