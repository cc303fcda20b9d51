import pytest

from inferbench.errors import UsageError
from inferbench.simulator.parameters.error_intervals import CAPACITY_UNKNOWN, NOTHING_MEASURED, interval_of
from inferbench.simulator.parameters.parameters import load_parameters
from tests.support.twin_factories import SCENARIO, deployment, topology


def test_every_topology_of_the_scenario_has_a_measured_interval() -> None:
    for own in SCENARIO.deployments:
        for top in own.topologies:
            half_width, how = interval_of(own, top)
            assert 0.03 < half_width < 1
            assert "held-out topologies" in how


def test_a_class_that_was_never_measured_is_wide_and_says_so() -> None:
    top = topology("1p1d-dep8")
    own = deployment().model_copy(update={"precision": "bf16"})
    half_width, how = interval_of(own, top)
    assert half_width == NOTHING_MEASURED
    assert how == "no measured points of mi355x sglang bf16 DEP"


def test_an_unknown_prefill_capacity_widens_it() -> None:
    parameters = load_parameters()
    stack = parameters.stack("mi355x", "sglang")
    assert stack.fit is not None
    blind = stack.model_copy(update={"fit": stack.fit.model_copy(update={"saturated_prefill": ()})})
    changed = parameters.model_copy(update={"stacks": {"mi355x": {"sglang": blind}}})
    half_width, how = interval_of(deployment(), topology("1p2d-tp8"), changed)
    assert half_width >= CAPACITY_UNKNOWN
    assert "never measured at capacity" in how
    assert interval_of(deployment(), topology("1p2d-tp8"))[0] < half_width


def test_a_stack_without_constants_is_refused() -> None:
    with pytest.raises(UsageError, match="dynamo-trtllm"):
        interval_of(deployment(framework="dynamo-trtllm"), topology())
