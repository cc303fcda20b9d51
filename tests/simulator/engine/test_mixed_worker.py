"""Aggregated workers: passes that decode and prefill, against what can be computed by hand."""

import statistics
from typing import Any

import numpy as np
import pytest

from inferbench.loadgen.clock import VirtualClock
from inferbench.records.request_record import Status
from inferbench.scenario.deployment import Deployment, Topology, WorkerGroup
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.engine.cluster import Cluster, TwinTarget
from inferbench.simulator.steady_state.closed_loop import ClosedLoad
from inferbench.simulator.steady_state.disaggregated import steady_state
from inferbench.units import NS_PER_S
from tests.support.twin_factories import (
    GPUS,
    MODEL,
    PerToken,
    Step,
    chunks,
    cluster,
    deployment,
    drive,
    e2el_s,
    plan,
    request,
    submit_all,
    tpot_s,
    ttft_s,
)

PER_TOKEN, STEP = 0.001, 0.02


def server(**changes: Any) -> Cluster:
    own = {"aggregated": True, "prefill": PerToken(PER_TOKEN), "decode": Step(STEP), "max_batch_tokens": 1000}
    return cluster(**{**own, **changes})


def test_a_lone_request_prefills_then_decodes() -> None:
    record = submit_all(server(delay_ns=5_000_000), [request(0, isl=100, osl=11)])[0]
    assert ttft_s(record) == pytest.approx(0.1 + 0.005)
    assert tpot_s(record) == pytest.approx(STEP)


def test_a_prompt_delays_those_that_decode_by_its_own_prefill() -> None:
    """The second comes at the boundary at which the first has its first token: one pass is 0.3 s longer."""
    ended = submit_all(server(max_batch_tokens=100), [request(0, isl=100, osl=11), request(1, isl=300, osl=11)])
    assert tpot_s(ended[0]) == pytest.approx((10 * STEP + 0.3) / 10)
    assert ttft_s(ended[1]) == pytest.approx(0.1 + 3 * (0.1 + STEP))  # three chunks, each in a pass that decodes
    assert tpot_s(ended[1]) == pytest.approx(STEP)


def test_short_prompts_share_a_pass_up_to_its_tokens() -> None:
    ended = submit_all(server(max_batch_tokens=250), [request(i, isl=100, osl=11) for i in range(4)])
    # The first finds an idle worker. The next pass has 250 tokens: two prompts and half of a third.
    second = 0.1 + 0.25 + STEP
    assert [ttft_s(ended[i]) for i in range(4)] == pytest.approx([0.1, second, second, second + 0.05 + STEP])


def test_chunks_do_the_attention_of_the_whole_prompt() -> None:
    class Squared:
        def seconds(self, tokens: int, squared: int, *_: int) -> float:
            return squared * 1e-6

    times = [
        ttft_s(submit_all(server(prefill=Squared(), max_batch_tokens=limit), [request(0, isl=900)])[0])
        for limit in (900, 100, 7)
    ]
    assert times == pytest.approx([0.81] * 3, rel=1e-6)


def test_a_full_cache_keeps_prompts_waiting() -> None:
    ended = submit_all(server(kv_tokens=150), [request(i, isl=100, osl=11) for i in range(2)])
    assert ttft_s(ended[1]) == pytest.approx(e2el_s(ended[0]) + 0.1)


def test_ranks_wait_for_the_fullest() -> None:
    class Fullest:
        def seconds(self, tokens: int, squared: int, prompts: int, fullest: int, *_: int) -> float:
            return fullest * PER_TOKEN

    ended = submit_all(
        server(prefill=Fullest(), ranks=4, prefill_ranks=4, max_batch_tokens=4000),
        [request(0, isl=100), request(1, isl=400), request(2, isl=200)],
    )
    assert [ttft_s(ended[i]) for i in range(3)] == pytest.approx([0.1, 0.1 + 0.4 + STEP, 0.1 + 0.4 + STEP])


def test_prompts_wait_for_one_on_every_rank() -> None:
    """While the first decodes, two prompts of four ranks wait for five passes, and four of them for none."""
    few, enough = (
        submit_all(server(ranks=4, prefill_ranks=4, balance_passes=5), [request(i, isl=100, osl=101) for i in range(n)])
        for n in (3, 5)
    )
    assert ttft_s(few[1]) == pytest.approx(0.1 + 5 * STEP + 0.2 + STEP)
    assert ttft_s(enough[1]) == pytest.approx(0.1 + 0.4 + STEP)


def test_two_servers_share_the_load() -> None:
    ended = submit_all(server(decode_workers=2), [request(i, isl=100, osl=11) for i in range(4)])
    assert {chunks(r).worker for r in ended.values()} == {0, 1}
    assert [ttft_s(ended[i]) for i in range(4)] == pytest.approx([0.1, 0.1, 0.2 + STEP, 0.2 + STEP])


def test_a_held_first_chunk_comes_with_its_tokens() -> None:
    at_once, held, longer = (submit_all(server(first_chunk=k), [request(0, isl=100, osl=11)])[0] for k in (1, 6, 100))
    assert ttft_s(held) == pytest.approx(ttft_s(at_once) + 5 * STEP)
    assert held.end_ns == at_once.end_ns
    assert ttft_s(longer) == pytest.approx(e2el_s(longer))


@pytest.mark.parametrize(("cancelled_s", "tokens"), [(0.5, [0, 0]), (1.10, [3, 0]), (1.14, [5, 4])])
def test_what_is_cancelled_has_the_tokens_that_came(cancelled_s: float, tokens: list[int]) -> None:
    """Passes end at 0.1 s (the first prompt), 1.07 (the second, and a token of the first), 1.09, 1.11, 1.13."""
    clock, ended = VirtualClock(), []
    target = TwinTarget(server(first_chunk=3), clock)
    for each in (request(0, isl=100, osl=101), request(1, isl=950, osl=101)):
        target.submit(each, 0, ended.append)
    clock.call_at(round(cancelled_s * NS_PER_S), target.cancel)
    clock.run(lambda: len(ended) == 2)
    assert [r.status for r in ended] == [Status.CANCELLED] * 2
    assert [r.osl for r in ended] == tokens


def test_no_work_is_lost() -> None:
    """A worker that is never idle takes the sum of its prompts' prefill and of its decode passes."""
    _, sink = drive(server(), plan(40, 8, isl=(100, 100), osl=(11, 11)))
    passes = sink.pass_times_ns[0]
    decoding = round((passes[-1] / NS_PER_S - 40 * 0.1) / STEP)
    assert passes[-1] / NS_PER_S == pytest.approx(40 * 0.1 + decoding * STEP, abs=1e-6)
    assert 40 / 8 * 10 <= decoding <= len(passes)


ISL = {8192: (6553, 8192), 1024: (819, 1024)}
CASES = [
    ("b200", "sglang", "fp4", "tep", 4, 0, 32768),
    ("b200", "sglang", "fp8", "tp", 8, 2, 32768),
    ("b200", "trtllm", "fp4", "tp", 4, 3, 8448),
    ("b200", "trtllm", "fp8", "dep", 8, 0, 65536),
    ("mi355x", "sglang", "fp8", "tp", 8, 0, 131072),
    ("mi355x", "atom", "fp4", "tp", 8, 3, 16384),
    ("h200", "trtllm", "fp8", "tep", 8, 0, 8448),
    ("mi300x", "sglang", "fp8", "tp", 8, 0, 131072),
]


def of_server(gpu: str, framework: str, precision: str, kind: str, gpus: int, mtp: int, tokens: int) -> Cluster:
    group = WorkerGroup(
        workers=1,
        gpus=gpus,
        tp=gpus,
        ep=1 if kind == "tp" else gpus,
        dp_attention=kind == "dep",
        max_batch_tokens=tokens,
    )
    if framework == "trtllm" and kind == "dep":
        group = group.model_copy(update={"balance_passes": 60})
    topology = Topology(name="server", decode=group, mtp=mtp, concurrency=(1,))
    stack = deployment("b200-trtllm" if framework == "trtllm" else "b200-sglang").stack.model_copy(
        update={"framework": framework, "kv_transfer": None}
    )
    own = Deployment.model_validate(
        {
            "name": "aggregated",
            "gpu": gpu,
            "precision": precision,
            "stack": stack,
            "topologies": (topology,),
            "source": "test",
        }
    )
    return cluster_of(MODEL, GPUS[gpu], own, topology)


@pytest.mark.parametrize("concurrency", [16, 64])
@pytest.mark.parametrize("isl", [1024, 8192])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[:4])))
def test_the_steady_state_agrees_with_events_within_3_percent(case: Any, isl: int, concurrency: int) -> None:
    own = of_server(*case)
    low, high = ISL[isl]
    mean = (low + high) / 2
    load = ClosedLoad(np.array([float(concurrency)]), mean, mean**2 + ((high - low + 1) ** 2 - 1) / 12, 921.5)
    found = steady_state(own, load)
    records, _ = drive(own, plan(10 * concurrency, concurrency, isl=(low, high), osl=(819, 1024)))
    rate = len(records) / (max(r.end_ns for r in records) / NS_PER_S)
    assert float(found.tpot_s[0]) == pytest.approx(statistics.median(map(tpot_s, records)), rel=0.03)
    assert float(found.requests_s[0]) == pytest.approx(rate, rel=0.045 if case[3] == "dep" else 0.03)


def test_prefill_workers_need_a_transfer() -> None:
    own = deployment()
    bare = own.model_dump() | {"stack": own.stack.model_dump() | {"kv_transfer": None}}
    with pytest.raises(ValueError, match="needs a kv_transfer"):
        Deployment.model_validate(bare)
