"""`inferbench run --base-url` on llama.cpp's server: an engine with no way to empty its cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from server_counters import counters

import inferbench
from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.testing.llama_cpp import LlamaServer
from tests.support.scenarios_for_tests import small_scenario, write_scenario


def test_a_scenario_is_measured_on_llama_cpp(
    llama_cpp: LlamaServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = small_scenario()
    del spec["live"]
    lengths = {"isl": {"nominal": 40, "min": 20, "max": 40}, "osl": {"nominal": 12, "min": 8, "max": 12}}
    spec["load"] |= {"prompts_per_concurrency": 4, "warmups_per_concurrency": 0, **lengths}
    scenario = write_scenario(tmp_path / "small.yaml", spec)
    command = ["run", str(scenario), "--base-url", llama_cpp.url, "--store", str(tmp_path / "s"), "--deployment",
               "b200-trtllm", "--topology", "1p5d-tep8-b1", "--concurrency", "2",
               "--tokenizer", str(llama_cpp.tokenizer)]  # fmt: skip
    assert execute(command) == ExitCode.ENDPOINT
    assert f"say so with --model {llama_cpp.model}" in capsys.readouterr().err
    named = [*command, "--model", llama_cpp.model]
    assert execute(named) == ExitCode.INCOMPARABLE
    assert "framework dynamo-trtllm in the scenario, llama.cpp there" in capsys.readouterr().err
    before = counters(llama_cpp.url)
    assert execute([*named, "--allow-different", "topology"]) in (ExitCode.OK, ExitCode.INVALID)
    assert "nothing says which GPUs it runs on, nor on how many" in " ".join(capsys.readouterr().out.split())
    counted = counters(llama_cpp.url)
    counted.subtract(before)
    (path,) = (tmp_path / "s").glob("small/*")
    run = inferbench.open_run(path)
    (attachment,) = run.manifest.attachments
    (part,) = attachment.parts
    assert part.engine == "llama.cpp"
    assert part.version
    assert part.flags["total_slots"] == str(llama_cpp.slots)
    assert attachment.not_flushed == {llama_cpp.url: "it has no /flush_cache or /reset_prefix_cache"}
    records = run.records(run.summaries[0].point.key)
    assert run.summaries[0].counts.ok == len(records) == 8
    assert records["osl"].sum() + 1 == counted["llamacpp:tokens_predicted_total"]  # the canary's one
    assert inferbench.summarise(run) == run.summaries
    assert run.manifest.points[0].prompts not in (None, "words-approximate")
