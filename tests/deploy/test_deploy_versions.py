"""The version table: derived from an engine's own source, and an error that names flag and version."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import derive_flags
import pytest
import yaml
from sglang_router.router_args import RouterArgs

from inferbench.deploy.engine_versions import FOLDER, EngineVersion, order, version, versions
from inferbench.errors import UsageError
from tests.support.deploy_plans import CASES, plan

SERVER_ARGS = """
BACKENDS = ["mooncake", "mori"]
class ServerArgs:
    @staticmethod
    def add_cli_args(parser):
        parser.add_argument("--model-path", "--model", type=str)
        parser.add_argument("--disaggregation-transfer-backend", choices=BACKENDS)
        parser.add_argument("--mode", choices=["a", "b"])
        parser.print_help("--not-a-flag")
"""
FIELDS = """
class Disagg:
    disaggregation_mode: A[Literal["null", "prefill"], "help"] = "null"
    attn_dp_size: A[int, Arg(help="x", aliases=["--adp"])] = 1
    hidden: A[int, Arg(no_cli=True)] = 1
    moe_backend: A[str, Arg(cli_name="--moe-runner", choices=BACKENDS)] = "mori"
    plain: int = 3
"""


def wheel(folder: Path) -> Path:
    path = folder / "sglang-9.9.9-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sglang/srt/server_args.py", SERVER_ARGS)
        archive.writestr("sglang/srt/arg_groups/fields/disagg.py", FIELDS)
        archive.writestr("sglang/srt/moriep.py", "import os\nos.environ['SGLANG_MORI_X'], 'OTHER_NAME'")
        archive.writestr("sglang/test/bench.py", "parser.add_argument('--of-a-test')\n'SGLANG_OF_A_TEST'")
    return path


def test_flags_are_what_the_source_hands_to_argparse(tmp_path: Path) -> None:
    entry = derive_flags.main("sglang", "9.9.9", wheel(tmp_path))
    assert entry["flags"] == {
        "--adp": None,
        "--attn-dp-size": None,
        "--disaggregation-mode": ["null", "prefill"],
        "--disaggregation-transfer-backend": ["mooncake", "mori"],
        "--mode": ["a", "b"],
        "--model": None,
        "--model-path": None,
        "--moe-runner": ["mooncake", "mori"],
    }
    assert entry["environment"] == ["SGLANG_MORI_X"]
    assert EngineVersion.model_validate(yaml.safe_load(yaml.safe_dump(entry))).knows("--adp")


def test_every_file_of_the_table_is_read_under_its_own_name() -> None:
    files = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    engines = {"sglang", "sglang-router", "vllm", "vllm-router", "dynamo-frontend", "dynamo-sglang", "dynamo-trtllm"}
    assert files == sorted(f"{v.engine}-{v.version}" for engine in engines for v in versions(engine))


@pytest.mark.parametrize(
    ("flag", "here", "gone"),
    [
        ("--prefill-round-robin-balance", "0.5.12.post1", "0.5.23"),
        ("--cuda-graph-max-bs", "0.5.12.post1", "0.5.23"),
        ("--attn-dp-size", "0.5.23", "0.5.12.post1"),
    ],
)
def test_flags_come_and_go_with_versions(flag: str, here: str, gone: str) -> None:
    version("sglang", here).check({flag: True}, "x")
    with pytest.raises(UsageError, match=f"^x: sglang {gone} has no flag {flag}.*{here}"):
        version("sglang", gone).check({flag: True}, "x")


def test_environment_comes_and_goes_too() -> None:
    version("sglang", "0.5.12.post1").check_environment({"SGLANG_ENABLE_SPEC_V2": "1", "OTHER": "1"}, "SGLANG_", "x")
    with pytest.raises(UsageError, match=r"x: sglang 0\.5\.23 does not read SGLANG_ENABLE_SPEC_V2 \(known to"):
        version("sglang", "0.5.23").check_environment({"SGLANG_ENABLE_SPEC_V2": "1"}, "SGLANG_", "x")


def test_a_choice_that_a_version_lacks_is_named_with_those_that_it_has() -> None:
    with pytest.raises(
        UsageError, match=r"no choice 'mori' for --disaggregation-transfer-backend; use one of mooncake"
    ):
        version("sglang", "0.5.8.post1").check({"--disaggregation-transfer-backend": "mori"}, "x")


def test_a_version_never_seen_is_one_line_with_those_that_are_known() -> None:
    with pytest.raises(
        UsageError, match=r"^sglang 0\.6\.1: a version .* known: 0\.5\.8\.post1, .*0\.5\.23 \(docs"
    ) as told:
        version("sglang", "0.6.1")
    assert "\n" not in str(told.value)


def test_a_misspelt_flag_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean --chunked-prefill-size"):
        version("sglang", "0.5.23").check({"--chunked-prefil-size": 1}, "x")


def test_the_routers_own_parser_has_the_flags_that_were_derived_and_takes_the_planned_command() -> None:
    parser = argparse.ArgumentParser()
    RouterArgs.add_cli_args(parser)
    own = {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}
    assert own - {"--help"} == set(version("sglang-router", "0.3.2").flags)
    router = plan(*CASES[0]).router
    parsed = parser.parse_args(router.words[len(router.command) :])
    assert parsed.pd_disaggregation
    assert (len(parsed.prefill), len(parsed.decode)) == (2, 1)
    assert parsed.prefill[0] == ["http://${HOST_PREFILL_0}:8000", "8998"]


def test_switches_can_be_turned_off() -> None:
    version("vllm", "0.32.0").check({"--no-enable-prefix-caching": True}, "x")


def test_versions_sort_by_number() -> None:
    names = ["0.5.23", "0.5.8.post1", "0.5.10", "0.5.10.post1", "1.0.0"]
    assert sorted(names, key=order) == ["0.5.8.post1", "0.5.10", "0.5.10.post1", "0.5.23", "1.0.0"]
