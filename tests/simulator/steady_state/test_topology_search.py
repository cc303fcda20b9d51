import pytest

from inferbench.errors import UsageError
from inferbench.scenario.scenario import Lengths
from inferbench.simulator.steady_state.topology_search import SearchLimits, deployment_for, search, topologies
from tests.support.twin_factories import GPUS, MODEL

LENGTHS = (Lengths(nominal=8192, min=6553, max=8192), Lengths(nominal=1024, min=819, max=1024))


def test_the_best_keep_every_limit_and_come_first() -> None:
    limits = SearchLimits((16, 32), tpot_ms=15, ttft_ms=3000)
    found = search(MODEL, GPUS["b200"], deployment_for("b200", "dynamo-trtllm", "fp4"), LENGTHS, limits, best=5)
    assert len(found) == 5
    assert all(16 <= f.topology.total_gpus <= 32 and f.tpot_ms <= 15 and f.ttft_ms <= 3000 for f in found)
    assert [f.tokens_s_gpu for f in found] == sorted((f.tokens_s_gpu for f in found), reverse=True)
    assert len({f.topology.name for f in found}) == 5


def test_a_looser_limit_never_finds_less() -> None:
    own = deployment_for("mi355x", "sglang", "fp4")
    tight, loose = (
        search(MODEL, GPUS["mi355x"], own, LENGTHS, SearchLimits((16, 24), tpot_ms=tpot), best=1)[0].tokens_s_gpu
        for tpot in (8, 20)
    )
    assert loose >= tight


def test_limits_that_nothing_keeps_are_refused() -> None:
    with pytest.raises(UsageError, match="no topology keeps these limits"):
        search(
            MODEL,
            GPUS["mi355x"],
            deployment_for("mi355x", "sglang", "fp8"),
            LENGTHS,
            SearchLimits((16, 16), tpot_ms=0.01),
        )


def test_an_unknown_stack_is_refused() -> None:
    with pytest.raises(UsageError, match="b200 dynamo-sglang"):
        deployment_for("b200", "sglang", "fp4")


def test_every_topology_fits_the_gpus() -> None:
    found = list(topologies(SearchLimits((12, 20)), drafts=True))
    assert all(12 <= t.total_gpus <= 20 for t in found)
    assert len({t.name for t in found}) == len(found)
    assert {t.mtp for t in found} == {0, 1, 2, 3}
    assert {t.mtp for t in topologies(SearchLimits((12, 20)), drafts=False)} == {0}
