"""A value of a scenario stays a word wherever it is written, and what cannot be one is refused in one line."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from inferbench.cli import execute
from inferbench.deploy.clusters.kubernetes import kubernetes
from inferbench.deploy.launch_plan import LaunchPlan, Process
from inferbench.deploy.write_plan import write_plan
from inferbench.errors import ExitCode, UsageError
from inferbench.files.yaml_values import describe
from inferbench.scenario.scenario import Scenario
from tests.support.deploy_plans import BUNDLED, CASES, changed, plan, scenario_of

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
MASTER = Path(__file__).parents[1] / "formats" / "inferencex-master.yaml"
CASE = CASES[0]
NASTY = (
    "$(touch made)", "`touch made`", "; touch made", "a && touch made", "x | tee made", "> made", "${HOME}", "$HOME",
    "$$", "$((1+1))", "it's", 'say "no"', "back\\slash", "\\", "a b  c", "*", "?", "[a-z]*", "~", "~root", "!x", "#x",
    "%s", "{a,b}", "}", "${", "$(", "-n", "--", "=", "a=b", "é😀", "'\"`$\\", "<<EOF", "yes", "null", "1e3", ": ",
    "- a",
)  # fmt: skip
"""What a shell, a format or a reader of YAML would make something else of."""
STUB = f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv, dict(os.environ)]))\n"


def ran(folder: Path, script: str, *arguments: str, **env: str) -> tuple[list[str], dict[str, str]]:
    """Run a script of a plan with every program replaced; return the words and the environment of its last command."""
    stubs = folder / "bin"
    stubs.mkdir(exist_ok=True)
    for name in ("python3", "vllm", "docker"):
        (stubs / name).write_text(STUB)
        (stubs / name).chmod(0o755)
    full = {"PATH": f"{stubs}:{os.environ['PATH']}", "HOME": "/nowhere", "MY_ADDRESS": "10.0.0.1", **env}
    run = subprocess.run(
        [folder / script, *arguments], env=full, capture_output=True, text=True, check=True, cwd=folder
    )
    words, environment = json.loads(run.stdout.splitlines()[-1])
    return words[1:], environment


def with_values(values: list[str]) -> dict[str, Any]:
    """Changes that put values wherever a scenario has free text in its launch."""
    return {
        "launch.weights": f"/m/{values[0]}",
        "launch.environment": {"decode": {f"V{i}": value for i, value in enumerate(values)}},
        "launch.flags": {"decode": {"--json-model-override-args": values[1], "--model-checksum": [values[2], 7]}},
    }


def test_every_value_arrives_as_the_word_that_it_is(tmp_path: Path) -> None:
    made = plan(*CASE, with_values(list(NASTY)))
    write_plan(made, "shell", tmp_path)
    before = {path.name for path in tmp_path.iterdir()} | {"bin"}
    process = next(p for p in made.processes if p.name == "decode-0")
    words, environment = ran(tmp_path, "decode-0.sh")
    assert words == list(process.words)[1:]
    assert f"/m/{NASTY[0]}" in words
    assert [environment[f"V{i}"] for i in range(len(NASTY))] == list(NASTY)
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("image", ["$(touch made)", "`touch made`", 'a"; touch made; "', "a}b", "a b", "$HOME", "'"])
def test_an_image_that_the_border_let_pass_would_still_be_a_word(image: str, tmp_path: Path) -> None:
    """`model_copy` checks nothing: the renderer does not rest on the checks of the reader."""
    made = plan(*CASES[1])
    services = tuple(p.model_copy(update={"image": image}) if p.image else p for p in made.processes)
    write_plan(made.model_copy(update={"image": image, "processes": services}), "shell", tmp_path)
    before = {path.name for path in tmp_path.iterdir()} | {"bin"}
    words, _ = ran(tmp_path, "container.sh", "decode-0.sh")
    assert words[-2:] == [image, str(tmp_path / "decode-0.sh")]
    (tmp_path / "hosts.env").write_text("HOST_ETCD=node\n")
    words, _ = ran(tmp_path, "etcd.sh")
    assert words[4] == image
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("seed", range(4))
def test_made_up_values_break_no_script_and_no_manifest(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    values = ["".join(rng.choices("ab $`'\"\\;&|<>(){}[]*?~!#%^=:,.-\té", k=rng.randint(1, 12))) for _ in range(12)]
    values = [value.replace("\t", "x") for value in values]
    made = plan(*CASE, with_values(values))
    written = [path for c in ("shell", "slurm") for path in write_plan(made, c, tmp_path / c)]
    scripts = [path for path in written if path.suffix in (".sh", ".sbatch")]
    for path in scripts:
        subprocess.run(["bash", "-n", path], check=True)
    found = subprocess.run([SHELLCHECK, "--severity=error", *scripts], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    words, environment = ran(tmp_path / "shell", "decode-0.sh")
    process = next(p for p in made.processes if p.name == "decode-0")
    assert words == list(process.words)[1:]
    assert [environment[f"V{i}"] for i in range(len(values))] == values
    documents = list(yaml.safe_load_all(kubernetes(made)["manifests.yaml"]))
    for document in documents:
        kubernetes_validate.validate(document, "1.37", strict=True)
    assert documents[0]["data"]["decode-0.sh"] == (tmp_path / "shell" / "decode-0.sh").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"launch.image": "$(touch made)"}, "launch.image: '$(touch made)' is not a container image such as"),
        ({"launch.image": "-v/:/host"}, "launch.image: '-v/:/host' is not a container image"),
        ({"launch.image": "a\nb"}, "launch.image: 'a\\nb' is not a container image"),
        ({"launch.weights": "--help"}, "launch.weights: '--help' is not a path or a hub name"),
        ({"launch.weights": ""}, "launch.weights: '' is not a path or a hub name"),
        ({"launch.environment": {"decode": {"A B": "1"}}}, "'A B' is not a name of a variable: letters, digits and _"),
        ({"launch.environment": {"decode": {"A;B": "1"}}}, "'A;B' is not a name of a variable"),
        ({"launch.environment": {"decode": {"1A": "1"}}}, "'1A' is not a name of a variable"),
        ({"launch.environment": {"decode": {"": "1"}}}, "'' is not a name of a variable"),
        ({"launch.environment": {"decode": {"UID": "1"}}}, "UID cannot be set: bash keeps it read-only"),
        ({"launch.environment": {"decode": {"A": "1\n2"}}}, "is not one line without control characters"),
        ({"launch.environment": {"decode": {"A": "1\x00"}}}, "is not one line without control characters"),
        ({"launch.flags": {"decode": {"--a b": True}}}, "'--a b' is not a flag such as --port"),
        ({"launch.flags": {"decode": {"a": True}}}, "'a' is not a flag such as --port"),
        ({"launch.interface": "eth0;x"}, "launch.interface: 'eth0;x' is not a network interface"),
        ({"launch.rdma_devices": ["mlx5_0", "$(x)"]}, "launch.rdma_devices[1]: '$(x)' is not a device such as mlx5_0"),
        ({"launch.rdma_resource": "hca"}, "launch.rdma_resource: 'hca' is not a resource of Kubernetes"),
        ({"launch.engine_version": "1 || x"}, "launch.engine_version: '1 || x' is not a version"),
        ({"launch.traffic_class": 1000}, "launch.traffic_class: input should be less than or equal to 255"),
        ({"launch.ports": {"worker": 0}}, "launch.ports.worker: input should be greater than or equal to 1"),
    ],
)  # fmt: skip
def test_what_can_be_no_word_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    deployment = scenario_of(BUNDLED).deployment(CASE[1])
    with pytest.raises(ValidationError) as caught:
        changed(deployment, CASE[2], changes)
    said = describe(caught.value, Scenario)
    assert message in said
    assert "[key]" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("case", "changes", "message"),
    [
        (CASES[3], {"launch.ports": {"worker": 65500}}, "prefill-1: port is 65600, and ports go to 65535"),
        (CASES[3], {"launch.ports": {"side_channel": 65533}}, "VLLM_NIXL_SIDE_CHANNEL_PORT is 65537, and ports go to"),
        (CASES[3], {"launch.ports": {"router": 8100}}, "prefill-1 and router would both listen on port 8100 of node 0"),
        (CASE, {"launch.environment": {"decode": {"X": "${HOST_NOBODY}"}}}, "${HOST_NOBODY} is the address of no proc"),
    ],
)  # fmt: skip
def test_processes_that_cannot_stand_beside_each_other_are_refused(
    case: tuple[str, str, str], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        plan(*case, changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flag_may_ask_for_the_address_of_its_own_node(tmp_path: Path) -> None:
    made = plan(*CASE, {"launch.flags": {"decode": {"--dist-init-addr": "${MY_ADDRESS}:5000"}}})
    write_plan(made, "shell", tmp_path)
    assert "10.0.0.1:5000" in ran(tmp_path, "decode-0.sh")[0]


def test_a_dollar_sign_of_a_service_stays_one_in_kubernetes() -> None:
    made = plan(*CASES[1])
    etcd = next(p for p in made.processes if p.image)
    asked = etcd.model_copy(update={"arguments": ("$(X)", "${HOST_ETCD}:1", "$")})
    others = tuple(asked if p is etcd else p for p in made.processes)
    documents = yaml.safe_load_all(kubernetes(made.model_copy(update={"processes": others}))["manifests.yaml"])
    pods = next(d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"].endswith("-etcd"))
    assert pods["spec"]["template"]["spec"]["containers"][0]["command"][-3:] == ["$$(X)", "$(HOST_ETCD):1", "$$"]


@pytest.mark.parametrize(
    ("deployment", "topology"),
    [("4090-vllm", "1p1d"), ("a.b", "c_d"), ("a" * 80, "b" * 80), ("a" * 80, "b" * 79 + "c")],
)
def test_names_in_kubernetes_are_ones_that_it_takes_and_no_two_plans_share_one(deployment: str, topology: str) -> None:
    made = plan(*CASE)
    named = [
        made.model_copy(update={"deployment": deployment, "topology": topology}),
        made.model_copy(update={"deployment": deployment.replace(".", "-"), "topology": topology.replace("_", "-")}),
        made.model_copy(update={"deployment": deployment, "topology": f"{topology[:79]}x"}),
    ]
    services = []
    for one in named:
        documents = list(yaml.safe_load_all(kubernetes(one)["manifests.yaml"]))
        for document in documents:
            kubernetes_validate.validate(document, "1.37", strict=True)
        services.append({d["metadata"]["name"] for d in documents if d["kind"] == "Service"})
    for name in set().union(*services):
        assert len(name) <= 63
        assert name[0].isalpha()
        assert name.replace("-", "").isalnum()
    assert services[0].isdisjoint(services[2])
    assert services[0] == services[1] or services[0].isdisjoint(services[1])


def test_an_image_of_an_imported_sweep_is_checked_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = yaml.safe_load(MASTER.read_text())
    entry = next(iter(data))
    data[entry]["image"] = "lmsysorg/sglang:v0.5.12.post1$(touch made)-20260529"
    (tmp_path / "master.yaml").write_text(yaml.safe_dump(data))
    arguments = ["import", "inferencex-config", str(tmp_path / "master.yaml"), "--entry", entry]
    assert execute([*arguments, "--out", str(tmp_path / "x.yaml")]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "is not a container image such as" in said
    assert said.count("\n") == 1


def test_a_plan_from_a_file_is_held_to_the_same(tmp_path: Path) -> None:
    made = plan(*CASE)
    assert LaunchPlan.model_validate_json(made.model_dump_json()) == made
    for key, value in (("name", "x; touch made"), ("name", "A"), ("image", "$(x)"), ("environment", {"A B": ""})):
        data = made.processes[0].model_dump() | {key: value}
        with pytest.raises(ValidationError):
            Process.model_validate(data)
    with pytest.raises(ValidationError, match="no process is the router"):
        LaunchPlan.model_validate(made.model_dump() | {"processes": [made.processes[0].model_dump()]})
