"""Rendered plans: bash and shellcheck accept the scripts, bash makes the planned words of them, Kubernetes the rest."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from inferbench.cli import execute
from inferbench.deploy.clusters.render import CLUSTERS
from inferbench.deploy.clusters.script import word
from inferbench.deploy.launch_plan import LaunchPlan
from inferbench.deploy.write_plan import write_plan
from inferbench.errors import ExitCode
from tests.support.deploy_plans import BUNDLED, CASES, GOLDEN, golden, plan

KUBERNETES = "1.37"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
RECIPE_KEYS = {
    "allreduce_strategy", "cache_transceiver_config", "cache_transceiver_config.backend",
    "cache_transceiver_config.max_tokens_in_buffer", "cuda_graph_config", "cuda_graph_config.batch_sizes",
    "cuda_graph_config.enable_padding", "cuda_graph_config.max_batch_size", "disable_overlap_scheduler",
    "enable_attention_dp", "enable_lm_head_tp_in_adp", "kv_cache_config", "kv_cache_config.dtype",
    "kv_cache_config.enable_block_reuse", "kv_cache_config.free_gpu_memory_fraction", "max_batch_size",
    "max_num_tokens", "max_seq_len", "moe_config", "moe_config.backend", "moe_config.use_low_precision_moe_combine",
    "moe_expert_parallel_size", "num_postprocess_workers", "pipeline_parallel_size", "print_iter_log",
    "speculative_config", "speculative_config.decoding_type", "speculative_config.num_nextn_predict_layers",
    "stream_interval", "tensor_parallel_size",
}  # fmt: skip
"""Engine options in NVIDIA/srt-slurm recipes/trtllm/b200-fp4 and b200-fp8 (branch sa-submission-q2-2026)."""


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[1])
def case(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    chosen: tuple[str, str, str] = request.param
    return chosen


@pytest.fixture(scope="module")
def made(case: tuple[str, str, str]) -> LaunchPlan:
    return plan(*case)


def test_the_files_are_the_golden_ones(case: tuple[str, str, str]) -> None:
    """To renew after a change that is meant: python tests/support/deploy_plans.py, and read the difference."""
    kept = {path.name: path.read_text(encoding="utf-8") for path in (GOLDEN / case[1]).iterdir()}
    assert golden(*case) == kept


def test_bash_and_shellcheck_accept_every_script(made: LaunchPlan, tmp_path: Path) -> None:
    written = [path for c in ("shell", "slurm") for path in write_plan(made, c, tmp_path / c)]
    scripts = [path for path in written if path.suffix in (".sh", ".sbatch")]
    assert len(scripts) == 2 * (len(made.processes) + 2) + 1
    for path in scripts:
        subprocess.run(["bash", "-n", path], check=True)
        assert os.access(path, os.X_OK) == (path.suffix == ".sh")
    found = subprocess.run([SHELLCHECK, *scripts], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_shellcheck_would_find_a_fault(tmp_path: Path) -> None:
    bad = tmp_path / "bad.sh"
    bad.write_text("#!/usr/bin/env bash\necho $1\n")
    assert subprocess.run([SHELLCHECK, bad], capture_output=True, check=False).returncode == 1


def test_bash_makes_of_each_script_the_words_and_the_environment_of_the_plan(made: LaunchPlan, tmp_path: Path) -> None:
    """Every program that a script may call is replaced by one that writes down how it was called."""
    write_plan(made, "shell", tmp_path)
    stub = f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv, dict(os.environ)]))\n"
    (tmp_path / "bin").mkdir()
    for name in ("python3", "vllm", "docker"):
        (tmp_path / "bin" / name).write_text(stub)
        (tmp_path / "bin" / name).chmod(0o755)
    hosts = {f"HOST_{p.name.upper().replace('-', '_')}": f"node{p.node}.test" for p in made.processes}
    (tmp_path / "hosts.env").write_text("".join(f"{name}={address}\n" for name, address in hosts.items()))
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "MY_ADDRESS": "10.0.0.1"}
    names = {**hosts, "MY_ADDRESS": "10.0.0.1"}
    for process in made.processes:
        run = subprocess.run(
            [tmp_path / f"{process.name}.sh"], env=env, capture_output=True, text=True, check=True, cwd="/"
        )
        *prepared, (argv, environment) = [json.loads(line) for line in run.stdout.splitlines()]
        expected = [resolved(text, names) for text in process.words]
        assert argv[-len(expected) + 1 :] == expected[1:]
        assert [a[1:] for a, _ in prepared] == [list(command[1:]) for command in process.prepare]
        for name, value in process.environment.items():
            assert environment[name] == resolved(value, names)


def resolved(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def test_without_an_address_a_script_says_which_it_needs(made: LaunchPlan, tmp_path: Path) -> None:
    write_plan(made, "slurm", tmp_path)
    run = subprocess.run([tmp_path / f"{made.router.name}.sh"], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "HOST_" in run.stderr
    assert "address of the node" in run.stderr


@pytest.mark.parametrize("text", ["it's", 'a "b" $c `d` \\e', '{"a": "b c"}', "${HOST_A}:1 \"'$x`y`\\", "", "*"])
def test_a_word_stays_itself_in_bash(text: str) -> None:
    said = subprocess.run(
        ["bash", "-c", f"printf %s {word(text)}"], env={"HOST_A": "h"}, capture_output=True, text=True, check=True
    )
    assert said.stdout == text.replace("${HOST_A}", "h")


def test_kubernetes_accepts_the_manifests(made: LaunchPlan, tmp_path: Path) -> None:
    write_plan(made, "kubernetes", tmp_path)
    documents: list[dict[str, Any]] = list(yaml.safe_load_all((tmp_path / "manifests.yaml").read_text()))
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        assert len(document["metadata"]["name"]) <= 63
    by_kind = {kind: [d for d in documents if d["kind"] == kind] for kind in ("ConfigMap", "Service", "Deployment")}
    assert len(by_kind["Service"]) == len(by_kind["Deployment"]) == len(made.processes)
    services = {d["metadata"]["name"] for d in by_kind["Service"]}
    (config,) = by_kind["ConfigMap"]
    assert ("inferbench/unlike-production" in config["metadata"].get("annotations", {})) == bool(made.unlike_production)
    for deployment in by_kind["Deployment"]:
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert {variable["value"] for variable in container["env"]} <= services
        if container["command"][0] == "bash":
            assert container["command"][1].removeprefix("/plan/") in config["data"]


def test_the_schema_would_find_a_fault(tmp_path: Path) -> None:
    write_plan(plan(*CASES[0]), "kubernetes", tmp_path)
    *_, last = yaml.safe_load_all((tmp_path / "manifests.yaml").read_text())
    last["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(last, KUBERNETES, strict=True)


def test_tensorrt_llms_options_are_those_of_nvidias_recipes(tmp_path: Path) -> None:
    """Those of ctx5_gen1_dep8_batch192_eplb0_mtp1, number for number."""
    made = plan(BUNDLED, "b200-trtllm", "5p1d-dep8-b192")
    prefill, decode = (yaml.safe_load(made.files[f"{role}-engine.yaml"]) for role in ("prefill", "decode"))
    for options in (prefill, decode):
        nested = [f"{k}.{n}" for k, v in options.items() if isinstance(v, dict) for n in v]
        assert set(itertools.chain(options, nested)) <= RECIPE_KEYS
    assert [prefill[k] for k in ("max_batch_size", "max_num_tokens", "max_seq_len")] == [2, 16896, 8232]
    assert [decode[k] for k in ("max_batch_size", "max_num_tokens", "max_seq_len")] == [192, 384, 9256]
    assert decode["cache_transceiver_config"] == {"backend": "NIXL", "max_tokens_in_buffer": 8448}
    assert prefill["cuda_graph_config"] is None
    assert decode["moe_config"] == {"backend": "CUTLASS", "use_low_precision_moe_combine": True}
    assert decode["speculative_config"]["num_nextn_predict_layers"] == 1


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_plan_as_data_comes_with_every_format(
    cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--deployment", "mi355x-sglang-mori", "--topology", "1p1d-tp8", "--format", cluster]
    assert execute(["deploy", "render", BUNDLED, *arguments, "--out", str(tmp_path / "x")]) == ExitCode.OK
    kept = LaunchPlan.model_validate_json((tmp_path / "x" / "plan.json").read_bytes())
    assert kept == plan(BUNDLED, "mi355x-sglang-mori", "1p1d-tp8")
    out = capsys.readouterr().out
    assert "UNLIKE PRODUCTION: prefix cache off" in out
    assert all(str(path) in out for path in (tmp_path / "x").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--deployment", "b200-sglan"], "--deployment: unknown deployment 'b200-sglan'"),
        (["--deployment", "b200-sglang"], "--topology: b200-sglang has several, name one: 1p1d-tp8,"),
        (["--deployment", "b200-sglang", "--topology", "x"], "--topology: unknown topology 'x'"),
        (["--deployment", "b200-sglang", "--format", "helm"], "--format: unknown format 'helm'; allowed: kubernetes"),
    ],
)
def test_a_bad_option_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["deploy", "render", BUNDLED, *arguments, "--out", str(tmp_path)]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    arguments = ["--deployment", "mi355x-sglang-mori", "--topology", "1p1d-tp8", "--out", str(tmp_path / "file")]
    assert execute(["deploy", "render", BUNDLED, *arguments]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1
