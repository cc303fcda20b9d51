"""Whether what runs at a site is the topology that a scenario says."""

from __future__ import annotations

import pytest
from scenarios_for_tests import small_scenario

from inferbench.api.attach_checks import check_keys, unlike_topology
from inferbench.domain.attachment import Part, Role
from inferbench.domain.errors import UsageError
from inferbench.domain.scenario import Scenario

TOPOLOGY = Scenario.model_validate(small_scenario()).deployment("mi355x-sglang-mori").topology("1p2d-tp8")
FLAGS = {"tp_size": "8", "speculative_num_steps": "3", "stream_interval": "1"}


def workers(prefill: int, decode: int, **flags: str) -> list[Part]:
    roles = [Role.ROUTER, *[Role.PREFILL] * prefill, *[Role.DECODE] * decode]
    return [Part(role=role, url=f"http://h:{n}", flags=FLAGS | flags) for n, role in enumerate(roles)]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (workers(1, 2), []),
        (workers(0, 0), []),  # what is behind the one URL is not known
        (workers(1, 2, mem_fraction_static="0.8"), []),
        (workers(2, 2), ["1 prefill workers in the scenario, 2 there"]),
        (workers(1, 3), ["2 decode workers in the scenario, 3 there"]),
        (workers(1, 2, tp_size="4"), [f"{role} tp_size 8 in the scenario, 4 there" for role in ("prefill", "decode")]),
        (workers(1, 2, stream_interval="9"), ["decode stream_interval 1 in the scenario, 9 there"]),
    ],
)
def test_what_runs_is_held_against_the_topology(parts: list[Part], says: list[str]) -> None:
    assert unlike_topology(TOPOLOGY, parts) == says


def test_one_worker_that_differs_is_named() -> None:
    parts = workers(1, 2)
    parts[-1] = parts[-1].model_copy(update={"flags": FLAGS | {"speculative_num_steps": "1"}})
    assert unlike_topology(TOPOLOGY, parts) == ["decode speculative_num_steps 3 in the scenario, 1 there"]


def test_keys_that_may_differ() -> None:
    assert check_keys(["launch", "price_books"], ["price_books"]) == ["price_books"]
    with pytest.raises(UsageError, match="did you mean 'topology'"):
        check_keys(["topolgy"])
