"""Entries of InferenceX's master configurations become scenarios that validate and run, or say in one line why not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import inferbench
from inferbench.cli import execute
from inferbench.deploy.write_plan import plan_of
from inferbench.errors import ExitCode, FileError
from inferbench.formats.inferencex.master_config import MasterRow, read_master
from inferbench.runs.interchange.import_config import ImportedEntry, import_entries, scenario_text
from inferbench.scenario.caveats import FAKE_DISPATCH
from inferbench.scenario.deployment import Topology
from inferbench.scenario.read_scenario import load_scenario
from inferbench.scenario.scenario import Scenario
from tests.support.measured_data import measured

FILE = Path(__file__).with_name("inferencex-master.yaml")
MI355X = "dsr1-fp4-mi355x-sglang-disagg-mtp"
TRT = "dsr1-fp4-b200-dynamo-trt-mtp"


@pytest.fixture(scope="module")
def found() -> dict[str, ImportedEntry]:
    return {entry.name: entry for entry in import_entries(FILE)}


def scenario(entry: ImportedEntry) -> Scenario:
    assert entry.scenario is not None, entry.line
    return entry.scenario


def topologies(entry: ImportedEntry) -> dict[str, Topology]:
    return {topology.name: topology for topology in scenario(entry).deployments[0].topologies}


def test_topologies_are_those_of_the_rows_and_equal_ones_share_their_loads(found: dict[str, ImportedEntry]) -> None:
    by_name = topologies(found[MI355X])
    assert {name: (t.concurrency, t.mtp) for name, t in by_name.items()} == {
        "1p2d-tp8-mtp3": ((2, 8, 16), 3),
        "1p2d-tp8-mtp2": ((4,), 2),
        "2p1d-dep8": ((1024,), 1),
    }
    wide = by_name["2p1d-dep8"]
    assert (wide.prefill.workers, wide.decode.workers, wide.total_gpus) == (2, 1, 24)
    assert (wide.decode.ep, wide.decode.dp_attention, wide.prefill.max_batch_tokens) == (8, True, 65536)


def test_load_stack_and_launch_are_what_inferencex_runs(found: dict[str, ImportedEntry]) -> None:
    spec = scenario(found[MI355X])
    assert (spec.load.isl.min, spec.load.isl.max, spec.load.osl.min) == (6553, 8192, 819)
    assert (spec.load.prompts_per_concurrency, spec.load.warmups_per_concurrency) == (10, 2)
    (deployment,) = spec.deployments
    assert (deployment.gpu, deployment.stack.framework, deployment.stack.kv_transfer) == ("mi355x", "sglang", "mori-io")
    launch = deployment.launch
    assert launch is not None
    assert (launch.engine_version, launch.weights) == ("0.5.12.post1", "amd/DeepSeek-R1-0528-MXFP4-v2")
    assert spec.as_of.isoformat() == "2026-05-29"


def test_a_recipes_name_says_draft_depth_and_batch(found: dict[str, ImportedEntry]) -> None:
    (topology,) = topologies(found[TRT]).values()
    assert (topology.mtp, topology.decode.max_running) == (1, 192 * 8)
    assert topology.concurrency == (500, 1000, 1200)
    assert scenario(found[TRT]).deployments[0].stack.framework == "dynamo-trtllm"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("two-shapes", "it has several shapes, name one with --shape: 8192x1024, 1024x1024"),
        ("dsv4-fp4-mi355x-vllm", "no facts about model dsv4; known: dsr1"),
        ("dsr1-fp8-mi355x-atom-disagg", "framework atom-disagg is not one that scenarios describe"),
        ("dsr1-agentic", "it replays agentic-coding traces; a scenario's load has lengths, not traces"),
        ("dsr1-new-key", "search-space[0].quantum: unknown key"),
        ("dsr1-pipeline", "pp 2: scenarios do not describe pipeline parallelism"),
        ("dsr1-backwards", "a row needs conc-list, or conc-start and a conc-end that is not below it"),
    ],
)
def test_what_cannot_be_imported_says_why_in_one_line(found: dict[str, ImportedEntry], name: str, reason: str) -> None:
    assert found[name].scenario is None
    assert reason in found[name].line
    assert "\n" not in found[name].line


def test_one_of_several_shapes_can_be_named() -> None:
    (entry,) = import_entries(FILE, ["two-shapes"], "1024x1024")
    assert scenario(entry).load.isl.nominal == 1024


@pytest.mark.parametrize("name", [MI355X, TRT])
def test_the_file_is_a_scenario_and_its_deployment_can_be_launched(
    found: dict[str, ImportedEntry], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "imported.yaml"
    path.write_text(scenario_text(found[name]))
    spec = load_scenario(path)
    assert spec == scenario(found[name])
    for topology in spec.deployments[0].topologies:
        plan = plan_of(path, spec.deployments[0].name, topology.name)
        fake = topology.decode.ep > 1 and plan.engine == "sglang"
        assert (FAKE_DISPATCH in plan.unlike_production) == fake


def test_the_command_writes_a_file_that_validates_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x" / "mine.yaml"
    assert execute(["import", "inferencex-config", str(FILE), "--entry", MI355X, "--out", str(path)]) == ExitCode.OK
    assert "3 topologies, 5 sweep points" in capsys.readouterr().out
    assert execute(["validate", str(path)]) == ExitCode.OK
    data = yaml.safe_load(path.read_text())
    for topology in data["deployments"][0]["topologies"]:
        topology["concurrency"] = [2]
    data["load"] |= {"osl": {"nominal": 64, "min": 48, "max": 64}}
    path.write_text(yaml.safe_dump(data))
    run = inferbench.run(path, store=tmp_path / "store", live=False, workers=1)
    assert len(run.summaries) == 3
    assert set(run.manifest.unlike_production) == {MI355X}


def test_all_and_list_have_a_line_for_every_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = list(read_master(FILE))
    assert execute(["import", "inferencex-config", str(FILE), "--list"]) == ExitCode.OK
    listed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in listed] == names
    assert execute(["import", "inferencex-config", str(FILE), "--all", "--out", str(tmp_path)]) == ExitCode.OK
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted([MI355X, TRT])
    assert [line for line in capsys.readouterr().out.splitlines() if not line.endswith(".yaml")] == listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--entry", "dsr1-fp4-mi355x-sglang-disagg"], "unknown entry 'dsr1-fp4-mi355x-sglang-disagg'"),
        (["--entry", "dsr1-agentic"], "dsr1-agentic: left out: it replays"),
        (["--entry", "dsr1-agentic", "--list"], "give one of --entry, --list, --all"),
        ([], "give one of --entry, --list, --all"),
        (["--entry", TRT, "--shape", "1x1"], "unknown shape '1x1'; allowed: 8192x1024"),
    ],
)
def test_bad_options_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["import", "inferencex-config", str(FILE), *arguments]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("text", ["- 1\n", "a: 1\n", "a: {b: 1}\n", "a: [\n"])
def test_a_file_of_something_else_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(FileError, match=r"x\.yaml"):
        read_master(path)


def test_concurrencies_double_up_to_the_end() -> None:
    row = MasterRow.model_validate({"tp": 8, "conc-start": 4, "conc-end": 64})
    assert row.concurrencies == (4, 8, 16, 32, 64)
    with pytest.raises(ValidationError):
        MasterRow.model_validate({"tp": 0, "conc-list": [1]})


def test_every_entry_of_the_whole_file_imports_or_says_why_not() -> None:
    path = measured("inferencex-amd-master.yaml")
    entries = import_entries(path)
    assert len(entries) == len(read_master(path))
    mine = [entry for entry in entries if entry.name.startswith("dsr1") and "sglang-disagg" in entry.name]
    assert len(mine) == 5
    assert all(entry.scenario is not None for entry in mine)
    assert all(entry.scenario is not None or entry.notes for entry in entries)
