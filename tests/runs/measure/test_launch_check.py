"""Whether what runs at a site is the topology that a scenario says."""

from __future__ import annotations

import pytest

from inferbench.endpoint.fingerprint import DeployedProcess, ProcessRole
from inferbench.endpoint.topology_check import Seen, unlike_topology, untold
from inferbench.errors import UsageError
from inferbench.runs.measure.gpu_names import known_gpus
from inferbench.runs.measure.launch_check import check_keys
from inferbench.scenario.scenario import Scenario
from tests.support.scenarios_for_tests import small_scenario

SCENARIO = Scenario.model_validate(small_scenario())
MI355X = SCENARIO.deployment("mi355x-sglang-mori")
TOPOLOGY = MI355X.topology("1p2d-tp8")
FLAGS = {"tp_size": "8", "speculative_num_steps": "3", "stream_interval": "1"}


def workers(prefill: int, decode: int, **flags: str) -> list[DeployedProcess]:
    roles = [ProcessRole.ROUTER, *[ProcessRole.PREFILL] * prefill, *[ProcessRole.DECODE] * decode]
    return [DeployedProcess(role=role, url=f"http://h:{n}", flags=FLAGS | flags) for n, role in enumerate(roles)]


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
def test_what_runs_is_held_against_the_topology(parts: list[DeployedProcess], says: list[str]) -> None:
    assert unlike_topology(MI355X, TOPOLOGY, parts) == says


def test_one_worker_that_differs_is_named() -> None:
    parts = workers(1, 2)
    parts[-1] = parts[-1].model_copy(update={"flags": FLAGS | {"speculative_num_steps": "1"}})
    assert unlike_topology(MI355X, TOPOLOGY, parts) == ["decode speculative_num_steps 3 in the scenario, 1 there"]


def test_keys_that_may_differ() -> None:
    assert check_keys(["launch", "price_books"], ["price_books"]) == ["price_books"]
    with pytest.raises(UsageError, match="did you mean 'topology'"):
        check_keys(["topolgy"])


AGGREGATED = TOPOLOGY.model_copy(
    update={"name": "2x8", "prefill": None, "decode": TOPOLOGY.decode.model_copy(update={"workers": 2})}
)
"""Two workers of 8 GPUs each: 16 x mi355x."""
SGLANG = {"tp_size": "8", "pp_size": "1", "dp_size": "1", "ep_size": "1", "enable_dp_attention": "false",
          "disaggregation_mode": "null", "speculative_num_steps": "3", "stream_interval": "1"}  # fmt: skip
"""What SGLang tells of its launch at `/server_info`, in part."""
TWIN = SGLANG | {"twin_gpu": "mi355x", "twin_gpus": "24", "twin_precision": "fp4", "twin_framework": "sglang"}
COMMAND = "vllm serve amd/DeepSeek-R1-0528-MXFP4 -tp {} --kv-cache-dtype fp8"


def alone(
    n: int = 1, engine: str | None = "sglang", model: str | None = None, **flags: str | None
) -> list[DeployedProcess]:
    """Engines of which nothing but their URLs is known; a flag of None is not told."""
    told = {name: value for name, value in (SGLANG | flags).items() if value is not None}
    return [
        DeployedProcess(role=ProcessRole.ENGINE, url=f"http://h:{i}", engine=engine, model=model, flags=told)
        for i in range(n)
    ]


def simulated(**flags: str) -> list[DeployedProcess]:
    return [DeployedProcess(role=ProcessRole.ENGINE, url="http://h", engine="inferbench", flags=TWIN | flags)]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (alone(2), []),
        (alone(1, pp_size="2"), []),  # 16 GPUs all the same
        (alone(1), ["16 GPUs in the scenario, 8 there"]),
        (alone(2, dp_size="2"), ["16 GPUs in the scenario, 32 there"]),
        (alone(2, dp_size="8", enable_dp_attention="true"), ["enable_dp_attention false in the scenario, true there"]),
        (alone(2, tp_size="4", dp_size="2"), ["tp_size 8 in the scenario, 4 there"]),
        (alone(2, ep_size="8"), ["ep_size 1 in the scenario, 8 there"]),
        (alone(2, stream_interval="50"), ["stream_interval 1 in the scenario, 50 there"]),
        (alone(2, speculative_num_steps=None), ["speculative_num_steps 3 in the scenario, 0 there"]),
        (alone(2, quantization="fp8"), ["precision fp4 in the scenario, fp8 there"]),
        (alone(2, model="amd/DeepSeek-R1-0528-MXFP4"), []),
        (alone(2, model="some/DeepSeek-R1-AWQ"), ["precision fp4 in the scenario, int4 there"]),
        (alone(2, kv_cache_dtype="bfloat16"), ["KV precision fp8 in the scenario, bf16 there"]),
        (alone(2, kv_cache_dtype="fp8_e4m3"), []),
        (alone(2, engine="llama.cpp"), ["framework sglang in the scenario, llama.cpp there"]),
        (alone(2, engine="a company"), []),
        (alone(2, disaggregation_mode="decode"), ["2 decode workers in the scenario, a decode worker alone there"]),
        ([DeployedProcess(role=ProcessRole.ENGINE, url="http://h", engine="sglang")], []),  # it tells nothing
        ([DeployedProcess(
            role=ProcessRole.ENGINE, url="http://h", engine="inferbench", flags={"disaggregation_mode": "null"}
        )], []),
    ],
)  # fmt: skip
def test_an_engine_that_stands_alone_is_held_against_an_aggregated_topology(
    parts: list[DeployedProcess], says: list[str]
) -> None:
    assert unlike_topology(MI355X, AGGREGATED, parts) == says


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (alone(1), ["prefill and decode workers apart in the scenario, one process for both there"]),
        (alone(1, disaggregation_mode="prefill"), ["1 prefill + 2 decode workers in the scenario, a prefill worker alo"
                                                   "ne there"]),
        (simulated(), []),  # a twin stands for all workers
        (simulated(twin_gpu="b200", twin_gpus="44"), ["24 x mi355x in the scenario, 44 x b200 there"]),
        (simulated(twin_gpus="16"), ["24 x mi355x in the scenario, 16 x mi355x there"]),
        (simulated(twin_precision="fp8"), ["precision fp4 in the scenario, fp8 there"]),
        (simulated(twin_framework="dynamo-trtllm"), ["framework sglang in the scenario, dynamo-trtllm there"]),
        (simulated(tp_size="4"), ["tp_size 8 in the scenario, 4 there"]),
    ],
)  # fmt: skip
def test_and_against_one_whose_roles_are_apart(parts: list[DeployedProcess], says: list[str]) -> None:
    assert unlike_topology(MI355X, TOPOLOGY, parts) == says


def test_a_twins_workers_say_whose_they_are() -> None:
    parts = workers(1, 2, twin_gpu="b200", twin_gpus="4", twin_precision="fp4", twin_framework="sglang")
    assert unlike_topology(MI355X, TOPOLOGY, parts) == ["8 x mi355x in the scenario, 4 x b200 there"]


def test_what_an_engine_does_not_tell_its_command_may() -> None:
    vllm = MI355X.model_copy(update={"stack": MI355X.stack.model_copy(update={"framework": "vllm"})})
    part = [DeployedProcess(role=ProcessRole.ENGINE, url="http://h", engine="vllm", version="0.32.0")]
    assert unlike_topology(vllm, AGGREGATED, part, Seen(COMMAND.format(8))) == ["16 GPUs in the scenario, 8 there"]
    assert unlike_topology(vllm, AGGREGATED, part * 2, Seen(COMMAND.format(8))) == []
    spread = AGGREGATED.model_copy(update={"decode": AGGREGATED.decode.model_copy(update={"dp_attention": True})})
    ranks = Seen("vllm serve m --data-parallel-size 8")
    assert unlike_topology(vllm, spread, part * 2, ranks) == []  # attention of its own on each GPU, and no TP


def test_gpus_that_are_watched_are_held_against_it_by_their_names() -> None:
    named = ["NVIDIA B200", "NVIDIA B200", "AMD Instinct MI355X", "NVIDIA GB200", "NVIDIA GH200 480GB", ""]
    assert known_gpus(named) == ("b200", "mi355x", "gb200")
    assert unlike_topology(MI355X, AGGREGATED, alone(2), Seen(gpus=("b200",))) == ["mi355x in the scenario, b200 there"]


@pytest.mark.parametrize(
    ("parts", "seen", "says"),
    [
        ([], Seen(), "nothing says which GPUs it runs on, nor on how many: taken from the scenario, whose 24 x mi355x "
                     "stand in all figures; nothing says its precision: taken from the scenario, fp4"),
        (alone(2), Seen(), "nothing says which GPUs it runs on: taken from the scenario, whose 24 x mi355x stand in all"
                           " figures; nothing says its precision: taken from the scenario, fp4"),
        (alone(2, tp_size=None, dp_size=None, quantization="mxfp4"), Seen(gpus=("mi355x",)),
         "nothing says how many GPUs it runs on: taken from the scenario, whose 24 x mi355x stand in all figures"),
        (alone(2, model="m-FP4"), Seen(gpus=("mi355x",)), None),
        (simulated(), Seen(), None),
    ],
)  # fmt: skip
def test_what_nobody_tells_is_said(parts: list[DeployedProcess], seen: Seen, says: str | None) -> None:
    assert untold(MI355X, TOPOLOGY, parts, seen) == says
