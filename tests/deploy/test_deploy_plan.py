"""A launch plan holds what the scenario says, fits its nodes, and breaks no known constraint of the engines."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from inferbench.deploy.launch_plan import LaunchPlan, Process
from inferbench.errors import UsageError
from inferbench.files.yaml_values import describe
from inferbench.scenario.caveats import (
    CAPPED_MOE_ROWS,
    FAKE_DISPATCH,
    RADIX_CACHE_OFF,
    caveats_of,
    stream_interval,
)
from inferbench.scenario.launch import Launch
from inferbench.scenario.launch_caveats import caveats_of_environment, flag_texts
from tests.support.deploy_plans import BUNDLED, CASES, VLLM, plan, scenario_of

MI355X = (BUNDLED, "mi355x-sglang-mori", "2p1d-dep8")
EVERY = [
    (scenario, deployment.name, topology.name)
    for scenario in (BUNDLED, VLLM)
    for deployment in scenario_of(scenario).deployments
    for topology in deployment.topologies
]


def worker(made: LaunchPlan, name: str) -> Process:
    return next(process for process in made.processes if process.name == name)


@pytest.mark.parametrize(("where", "name"), [("environment", "HF_TOKEN"), ("flags", "--api-key")])
def test_a_scenario_holds_no_secret_that_a_plan_would_write_down(where: str, name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} holds a secret") as caught:
        Launch.model_validate({where: {"prefill": {name: "planted"}}})
    assert "planted" not in describe(caught.value, Launch)
    for harmless in ("max-tokens", "api-key-file", "ssl-keyfile"):
        spelt = f"--{harmless}" if where == "flags" else harmless.replace("-", "_").upper()
        Launch.model_validate({where: {"decode": {spelt: "/run/key"}}})


@pytest.mark.parametrize("case", EVERY, ids="/".join)
def test_a_plan_has_the_scenarios_gpus_and_no_two_processes_share_one_or_a_port(case: tuple[str, str, str]) -> None:
    made = plan(*case)
    topology = scenario_of(case[0]).deployment(case[1]).topology(case[2])
    assert sum(p.gpus for p in made.processes) == topology.total_gpus
    gpus = Counter((p.node, gpu) for p in made.processes for gpu in range(p.first_gpu, p.first_gpu + p.gpus))
    assert max(gpus.values()) == 1
    assert max(gpu for _, gpu in gpus) < made.gpus_per_node
    assert max(Counter((p.node, p.port) for p in made.processes).values()) == 1
    assert {p.node for p in made.processes} == set(range(made.nodes))
    both = [{p.name for p in made.processes if p.role == role} for role in ("prefill", "decode")]
    assert [len(names) for names in both] == [topology.prefill.workers, topology.decode.workers]


def test_the_newest_sglang_gets_its_own_spellings_and_what_was_left_out_is_said() -> None:
    made = plan(*MI355X, {"launch.engine_version": "0.5.23", "launch.prefill_combine": None})
    decode = worker(made, "decode-0")
    assert decode.flags["--attn-dp-size"] == 8
    assert decode.flags["--cuda-graph-max-bs-decode"] == 512
    assert not {"--dp-size", "--enable-dp-attention", "--cuda-graph-max-bs", "--prefill-round-robin-balance"} & set(
        decode.flags
    )
    assert "SGLANG_ENABLE_SPEC_V2" not in decode.environment
    said = " ".join(made.notes)
    for name in ("--prefill-round-robin-balance", "SGLANG_ENABLE_SPEC_V2", "0.5.23 does without it"):
        assert name in said


def test_an_older_sglang_is_told_the_direct_cast_by_its_switch() -> None:
    changes = {"launch.engine_version": "0.5.10.post1", "launch.moe_rows": {}, "stack.combine": "fp8-direct"}
    prefill = worker(plan(*MI355X, changes), "prefill-0")
    assert prefill.environment["SGLANG_MORI_FP8_COMB"] == "1"
    assert "SGLANG_MORI_COMBINE_DTYPE" not in prefill.environment


def test_mtp_is_on_both_roles_with_a_draft_token_more_than_steps() -> None:
    made = plan(BUNDLED, "mi355x-sglang-mori", "1p2d-tp8")
    for name in ("prefill-0", "decode-0", "decode-1"):
        flags = worker(made, name).flags
        assert flags["--speculative-num-steps"] == 3
        assert flags["--speculative-num-draft-tokens"] == 4
        assert flags["--speculative-draft-model-path"] == "SGLang/DeepSeek-R1-NextN"


def test_tensor_parallel_workers_spread_no_experts() -> None:
    made = plan(BUNDLED, "mi355x-sglang-mori", "1p2d-tp8")
    for process in made.processes:
        assert not {"--moe-a2a-backend", "--ep-size", "--ep-dispatch-algorithm"} & set(process.flags)
        assert not any(name.startswith("SGLANG_MORI_DISPATCH") for name in process.environment)
    assert made.unlike_production == (RADIX_CACHE_OFF,)


@pytest.mark.parametrize(
    ("transfer", "flag", "variable"),
    [
        ("mori-io", "mori", "SGLANG_MORI_QP_PER_TRANSFER"),
        ("mooncake", "mooncake", "MC_GID_INDEX"),
        ("nixl", "nixl", "UCX_NET_DEVICES"),
    ],
)
def test_kv_caches_move_by_the_backend_of_the_stack(transfer: str, flag: str, variable: str) -> None:
    prefill = worker(plan(*MI355X, {"stack.kv_transfer": transfer}), "prefill-0")
    assert prefill.flags["--disaggregation-transfer-backend"] == flag
    assert variable in prefill.environment


@pytest.mark.parametrize(
    ("case", "changes", "command", "image"),
    [
        (CASES[1], {"stack.framework": "sglang"}, "sglang.launch_server", "lmsysorg/sglang:"),
        (CASES[3], {"gpu": "mi355x"}, "serve", "vllm/vllm-openai-rocm:"),
    ],
)
def test_the_other_vendors_and_servers_have_plans_too(
    case: tuple[str, str, str], changes: dict[str, Any], command: str, image: str
) -> None:
    made = plan(*case, changes)
    assert command in worker(made, "prefill-0").command
    assert made.router.flags["--port"] == 30000
    assert made.image.startswith(image)


def test_what_is_unlike_production_is_in_the_flags_and_in_words() -> None:
    made = plan(*MI355X)
    prefill, decode = worker(made, "prefill-0"), worker(made, "decode-0")
    assert prefill.flags["--ep-dispatch-algorithm"] == "fake"
    assert prefill.flags["--disable-radix-cache"] is True
    assert prefill.flags["--stream-interval"] == decode.flags["--stream-interval"] == 100
    assert decode.environment["SGLANG_MORI_MOE_MAX_INPUT_TOKENS"] == "2703"
    assert made.unlike_production == (FAKE_DISPATCH, RADIX_CACHE_OFF, CAPPED_MOE_ROWS, stream_interval(100))


@pytest.mark.parametrize("case", EVERY, ids="/".join)
def test_an_engine_launched_by_the_plan_would_tell_of_the_plans_marks(case: tuple[str, str, str]) -> None:
    made = plan(*case)
    told = {
        mark
        for process in made.processes
        for mark in (*caveats_of(flag_texts(process.flags)), *caveats_of_environment(process.environment))
    }
    assert told <= set(made.unlike_production)
    if made.engine != "dynamo-trtllm":  # whose options are in a file
        assert told == set(made.unlike_production)


def test_flags_that_a_person_gives_are_marked_too() -> None:
    changes: dict[str, Any] = {
        "launch": {
            "flags": {"decode": {"--ep-dispatch-algorithm": "fake", "--load-format": "dummy"}},
            "environment": {"decode": {"SGLANG_SIMULATE_ACC_LEN": "2.5"}},
        },
        "topology.stream_interval": 1,
        "stack.combine": "bf16",
    }
    marks = {mark.name for mark in plan(*MI355X, changes).unlike_production}
    assert marks == {"fake expert dispatch", "dummy weights", "synthetic acceptance"}
    off = {"launch": {"flags": {"decode": {"--no-enable-prefix-caching": True}}}}
    assert plan(*CASES[3], off).unlike_production == (RADIX_CACHE_OFF,)


def test_a_deployment_without_these_switches_is_like_production() -> None:
    changes: dict[str, Any] = {"launch": {}, "topology.stream_interval": 1, "stack.combine": "bf16"}
    made = plan(*MI355X, changes)
    assert made.unlike_production == ()
    flags = {flag for process in made.processes for flag in process.flags}
    assert not {"--ep-dispatch-algorithm", "--disable-radix-cache", "--stream-interval"} & flags
    assert not any("MOE_MAX_INPUT_TOKENS" in name for p in made.processes for name in p.environment)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topology.mtp": 4}, r"mtp 4 verifies 5 tokens at once, .* take 4; use an mtp of at most 3"),
        ({"topology.decode.ep": 16, "topology.decode.gpus": 16}, r"ep 16 is not supported by MoRI"),
        (
            {"launch.dispatch_tokens": {"prefill": 4096}},
            r"a prefill chunk is 8192 tokens a rank .* above the 4096 .*dispatch_tokens",
        ),
        (
            {"launch.flags": {"decode": {"--speculative-num-steps": 2}}},
            r"--speculative-num-steps must be the same on both roles",
        ),
        ({"launch.prefill_combine": None}, r"sglang 0\.5\.12\.post1 cannot combine in fp8-blockwise"),
        ({"gpu": "b200"}, r"MoRI runs on AMD GPUs"),
        ({"launch.engine_version": "0.5.8.post1"}, r"sglang 0\.5\.8\.post1"),
        ({"launch.engine_version": "0.7.0"}, r"^sglang 0\.7\.0: a version whose flags are not known"),
        ({"launch.flags": {"prefill": {"--no-such": 1}}}, r"prefill: sglang 0\.5\.12\.post1 has no flag --no-such"),
        (
            {"launch.engine_version": "0.5.23", "launch.flags": {"decode": {"--prefill-round-robin-balance": True}}},
            r"sglang 0\.5\.23 has no flag --prefill-round-robin-balance.* \(known to 0\.5\.8",
        ),
        (
            {"launch.environment": {"prefill": {"SGLANG_NO_SUCH": "1"}}},
            r"sglang 0\.5\.12\.post1 does not read SGLANG_NO_SUCH",
        ),
        ({"stack.framework": "dynamo-trtllm"}, r"no launch plan for dynamo-trtllm on AMD GPUs"),
        ({"launch.router_version": "9"}, r"sglang-router 9: a version"),
    ],
)
def test_a_constraint_that_is_broken_is_one_line_that_says_what_to_change(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as told:
        plan(*MI355X, changes)
    assert "\n" not in str(told.value)


def test_a_worker_larger_than_a_node_is_refused() -> None:
    changes = {"topology.decode.gpus": 16, "topology.decode.tp": 16, "topology.decode.ep": 1}
    with pytest.raises(UsageError, match="a decode worker of 16 GPUs spans nodes of 8"):
        plan(*MI355X, changes)


def test_a_chunk_just_at_the_limit_of_a_dispatch_is_accepted() -> None:
    made = plan(*MI355X, {"launch.dispatch_tokens": {"prefill": 8192}})
    assert worker(made, "prefill-0").environment["SGLANG_MORI_NUM_MAX_DISPATCH_TOKENS_PER_RANK"] == "8192"


def test_flags_of_the_deployment_win_and_false_leaves_one_out() -> None:
    given = {"prefill": {"--mem-fraction-static": 0.7, "--log-level": False}, "decode": {}}
    prefill = worker(plan(*MI355X, {"launch.flags": given}), "prefill-0")
    assert prefill.flags["--mem-fraction-static"] == 0.7
    assert "--log-level" not in prefill.flags


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[1])
def test_clients_reach_all_workers_through_the_router(case: tuple[str, str, str]) -> None:
    made = plan(*case)
    router = made.router
    if made.engine.startswith("dynamo"):
        assert router.environment["ETCD_ENDPOINTS"] == "http://${HOST_ETCD}:2379"
    else:
        urls = [word for word in router.arguments if word.startswith("http")]
        workers = [p for p in made.processes if p.gpus]
        assert urls == [f"http://${{HOST_{p.name.upper().replace('-', '_')}}}:{p.port}" for p in workers]
