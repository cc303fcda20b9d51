"""Parts of the stack that are off cost what was published, where it applies, and nothing elsewhere."""

from typing import Any

import pytest

from inferbench.errors import UsageError
from inferbench.scenario.deployment import Stack
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.engine.cluster import Cluster
from inferbench.simulator.parameters.parameters import load_parameters
from inferbench.simulator.timing.decode_step import Coefficients
from tests.support.twin_factories import GPUS, MODEL, deployment, topology

COSTS = load_parameters().switches["mi355x"]
OFF: list[dict[str, Any]] = [
    {"spec_scheduling": "v1"},
    {"expert_kernels": "untuned"},
    {"stream_events": "single"},
    {"overlap_by": "kernels"},
]


def cluster(name: str = "1p2d-tp8", mtp: int | None = None, **stack: Any) -> Cluster:
    top = topology(name)
    return cluster_of(
        MODEL, GPUS["mi355x"], deployment(**stack), top.model_copy(update={"mtp": top.mtp if mtp is None else mtp})
    )


def step(**changes: Any) -> Coefficients:
    return cluster(**changes).decode.coefficients(32, 32)


def test_a_stack_that_says_nothing_has_everything_on() -> None:
    stack = Stack.model_validate(
        {"framework": "sglang", "kv_transfer": "nixl", "all_to_all": "mori-ep", "dispatch": "fp4", "combine": "bf16"}
    )
    assert not any(getattr(stack, name) == value for off in OFF for name, value in off.items())


def test_v1_pays_its_host_time_in_every_pass_with_drafts() -> None:
    assert step(spec_scheduling="v1").fixed - step().fixed == pytest.approx(COSTS.spec_v1.host_ms / 1000)
    assert step(mtp=0, spec_scheduling="v1") == step(mtp=0)


def test_untuned_experts_slow_the_experts_alone() -> None:
    slow, fast = step(expert_kernels="untuned"), step()
    factor = COSTS.untuned_experts.factor["fp4"]
    assert fast.fixed < slow.fixed < factor * fast.fixed
    assert slow.slope == fast.slope


def test_single_events_cost_the_host_more() -> None:
    slow, fast = step(stream_events="single"), step()
    assert slow.floor == pytest.approx(COSTS.single_events.chunk_factor * fast.floor)
    assert slow.fixed == fast.fixed


def test_kernels_overlap_less_than_copy_engines_and_never_worse_than_no_overlap() -> None:
    tokens, long = 65536, 8192

    def seconds(**stack: Any) -> float:
        return cluster("1p1d-dep8", **stack).prefill.seconds(tokens, tokens * long, 8, long, long * long)

    assert seconds() < seconds(overlap_by="kernels") <= seconds(two_batch_overlap=False)
    assert seconds(two_batch_overlap=False, overlap_by="kernels") == seconds(two_batch_overlap=False)


@pytest.mark.parametrize("off", OFF[:3], ids=str)
def test_a_switch_that_nobody_has_measured_is_refused_by_name(off: dict[str, Any]) -> None:
    top = topology("1p5d-tep8-b8", of="b200-trtllm")
    with pytest.raises(UsageError, match=f"{next(iter(off))}.*is not known for b200"):
        cluster_of(MODEL, GPUS["b200"], deployment("b200-trtllm", **off), top)


def test_untuned_experts_are_refused_where_the_precision_has_no_figure() -> None:
    fp8 = deployment(expert_kernels="untuned").model_copy(update={"precision": "fp8"})
    with pytest.raises(UsageError, match="untuned is not known for fp8"):
        cluster_of(MODEL, GPUS["mi355x"], fp8, topology())
