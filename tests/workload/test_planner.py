from __future__ import annotations

import math

import numpy as np
import pytest

from inferbench.scenario.scenario import Lengths
from inferbench.units import NS_PER_S
from inferbench.workload.lengths import around
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.planner import make_plan
from inferbench.workload.prompts import word_prompts


def plan(n: int = 500, *, salt: str = "c8", seed: int = 0, **more: object) -> Plan:
    lengths = Lengths(nominal=1000, min=800, max=1000)
    options: dict[str, object] = {"max_concurrency": 8, **more}
    return make_plan(n, isl=lengths, osl=lengths, seed=seed, salt=salt, **options)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_bytes() -> None:
    a, b = plan(), plan()
    for column in ("isl", "osl", "seeds"):
        assert getattr(a, column).tobytes() == getattr(b, column).tobytes()
    assert a.prompt_hash == b.prompt_hash


@pytest.mark.parametrize("other", [{"seed": 1}, {"salt": "c9"}, {"ignore_eos": False}])
def test_the_prompt_hash_covers_what_changes_prompts(other: dict[str, object]) -> None:
    assert plan().prompt_hash != plan(**other).prompt_hash  # type: ignore[arg-type]


def test_the_load_of_a_point_does_not_depend_on_how_it_arrives() -> None:
    closed, open_loop = plan(), plan(arrival=Arrival.POISSON, rate=10.0)
    assert closed.isl.tobytes() == open_loop.isl.tobytes()


def test_lengths_are_uniform_with_both_ends() -> None:
    n = 20_000
    drawn = plan(n).isl
    assert (drawn.min(), drawn.max()) == (800, 1000)
    # 201 equally likely values: mean 900, variance (201^2 - 1)/12; six standard errors.
    bound = 6 * math.sqrt((201**2 - 1) / 12 / n)
    assert abs(drawn.mean() - 900) < bound


@pytest.mark.parametrize(
    ("arrival", "burstiness", "cv2"),
    [(Arrival.CONSTANT, 1.0, 0.0), (Arrival.POISSON, 1.0, 1.0), (Arrival.GAMMA, 0.25, 4.0), (Arrival.GAMMA, 4.0, 0.25)],
)
def test_arrivals_have_the_asked_rate_and_burstiness(arrival: Arrival, burstiness: float, cv2: float) -> None:
    n, rate = 40_000, 20.0
    due = plan(n, arrival=arrival, rate=rate, burstiness=burstiness).planned_ns
    assert due is not None
    assert np.all(np.diff(due) >= 0)
    assert due[-1] / NS_PER_S == pytest.approx(n / rate, rel=1 / n * 2)
    gaps = np.diff(due) / NS_PER_S
    found = gaps.var() / gaps.mean() ** 2
    # The squared coefficient of variation of gamma gaps is 1/shape; its standard error is about
    # cv2 * sqrt((kurtosis - 1) / n) with kurtosis 3 + 6 cv2; six of them.
    assert abs(found - cv2) <= 6 * cv2 * math.sqrt((2 + 6 * cv2) / n) + 1e-9


def test_range_ratio_is_vllms() -> None:
    assert around(1000, 0.2).model_dump() == {"nominal": 1000, "min": 800, "max": 1200}
    assert around(1, 0.9).min == 1


def test_prompts_have_the_planned_words_and_share_no_prefix() -> None:
    made = plan(200)
    make = word_prompts(made.salt)
    prompts = [make(made.request(seq)) for seq in range(len(made))]
    assert [len(p.split()) for p in prompts] == made.isl.tolist()
    assert len({p.split()[0] for p in prompts}) == len(prompts)
    assert make(made.request(3)) == prompts[3]
    other = word_prompts("c9")
    assert other(made.request(3)).split()[0] != prompts[3].split()[0]
