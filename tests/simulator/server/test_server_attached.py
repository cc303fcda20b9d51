"""A deployment of prefill and decode workers behind the real sglang-router, measured with a scenario's load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import inferbench
from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.simulator.server.server_process import fetch_record
from inferbench.telemetry.series import Metric, WorkerRole
from inferbench.telemetry.storage import read_telemetry
from tests.support.scenarios_for_tests import small_scenario, write_scenario
from tests.support.simulator_servers import router, twin_server

DONE = (ExitCode.OK, ExitCode.INVALID)
WARMUPS, PROMPTS, STREAMS = 1, 4, 2


def test_what_stands_behind_the_router_is_found_flushed_watched_and_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = small_scenario()
    del spec["live"]
    spec["load"] |= {"prompts_per_concurrency": PROMPTS, "warmups_per_concurrency": WARMUPS}
    scenario = write_scenario(tmp_path / "small.yaml", spec)
    with (
        twin_server("--role", "prefill") as prefill,
        twin_server("--role", "decode") as decode,
        router([prefill], [decode]) as front,
    ):
        command = [
            "run", str(scenario), "--base-url", front.url, "--store", str(tmp_path / "s"), "--deployment",
            "mi355x-sglang-mori", "--topology", "1p1d-tp8", "--concurrency", str(STREAMS),
        ]  # fmt: skip
        assert execute(command) in DONE
        sent = len(fetch_record(decode.url))
        named = ["--prefill-url", prefill.url, "--decode-url", decode.url, "--no-telemetry"]
        assert execute([*command, *named]) in DONE
        capsys.readouterr()
        wrong = ["1p2d-tp8" if word == "1p1d-tp8" else word for word in command]
        assert execute(wrong) == ExitCode.INCOMPARABLE
        assert "2 decode workers in the scenario, 1 there" in capsys.readouterr().err
    runs = [
        inferbench.open_run(path) for path in sorted((tmp_path / "s").glob("small/*"), key=lambda p: p.stat().st_mtime)
    ]
    found, told = runs
    assert sent == 1 + STREAMS * (WARMUPS + PROMPTS)
    (attachment,) = found.manifest.attachments
    assert attachment.fingerprint == told.manifest.attachments[0].fingerprint
    assert [(part.role.value, part.url) for part in attachment.parts] == [
        ("router", front.url), ("prefill", prefill.url), ("decode", decode.url)
    ]  # fmt: skip
    assert attachment.flushed == dict.fromkeys((prefill.url, decode.url), "/flush_cache")
    assert attachment.parts[2].flags["disaggregation_mode"] == "decode"
    point = found.summaries[0].point
    telemetry = read_telemetry(found.directory.point(point))
    assert telemetry is not None
    assert {(s.name, s.role) for s in telemetry.sources} == {
        (prefill.url, WorkerRole.PREFILL), (decode.url, WorkerRole.DECODE)
    }  # fmt: skip
    generated = sum(series.rise() for series in telemetry.of(Metric.GENERATION_TOKENS, WorkerRole.DECODE))
    load = found.records(point.key)["osl"].sum()
    assert load < generated <= load + WARMUPS * STREAMS * 64
    assert read_telemetry(told.directory.point(point)) is None


def short_load() -> dict[str, Any]:
    spec = small_scenario()
    del spec["live"]
    lengths = {"isl": {"nominal": 16, "min": 12, "max": 16}, "osl": {"nominal": 4, "min": 4, "max": 4}}
    spec["load"] |= {"prompts_per_concurrency": 3, "warmups_per_concurrency": 0, **lengths}
    return spec


def test_requests_that_failed_are_told_by_kind_and_are_no_success_unless_they_may_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", short_load())
    kind = "2 x connection closed by the server"
    with twin_server("--ttft-ms", "20", "--tpot-ms", "5", "--fault", "cut:2,3", deployment=None) as server:
        command = [
            "run", str(scenario), "--base-url", server.url, "--model", "paced", "--store", str(tmp_path / "s"),
            "--deployment", "b200-trtllm", "--topology", "1p5d-tep8-b1", "--concurrency", "2", "--no-telemetry",
        ]  # fmt: skip
        code = execute(command)
        printed = capsys.readouterr()
        assert code in (ExitCode.ERROR_RATE, ExitCode.INVALID)
        assert f"2 of 6 requests failed: {kind}. Latencies are those of the others" in " ".join(printed.out.split())
        assert f"2 of 6 requests failed: {kind}; --max-error-rate 0.334 accepts as many" in printed.err
        assert execute([*command, "--max-error-rate", "0.34"]) in DONE
        assert "--max-error-rate" not in capsys.readouterr().err
    for path in (tmp_path / "s").glob("small/*"):
        run = inferbench.open_run(path)
        assert [(one.kind, one.n) for one in run.summaries[0].failures] == [("connection closed by the server", 2)]
        assert kind in (path / "report.html").read_text()
        assert run.points()["failures"].tolist() == [kind]
        assert inferbench.summarise(run) == run.summaries


def test_a_twin_that_stands_alone_is_not_measured_as_another_deployment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = write_scenario(tmp_path / "small.yaml", short_load())
    with twin_server(deployment="b200-trtllm") as server:
        command = ["run", str(scenario), "--base-url", server.url, "--store", str(tmp_path / "s"), "--concurrency", "1"]
        as_mi355x = [*command, "--deployment", "mi355x-sglang-mori", "--topology", "1p1d-tp8", "--no-telemetry"]
        assert execute(as_mi355x) == ExitCode.INCOMPARABLE
        error = capsys.readouterr().err
        assert "mi355x-sglang-mori 1p1d-tp8 is not what runs there: " in error
        assert "16 x mi355x in the scenario, 44 x b200 there" in error
        assert "framework sglang in the scenario, dynamo-trtllm there" in error
        assert error.endswith("; --allow-different topology measures it all the same\n")
        assert error.count("\n") == 1
        assert not (tmp_path / "s").exists()
        assert execute([*command, "--deployment", "b200-trtllm", "--topology", "1p5d-tep8-b1"]) in DONE
        assert "taken from the scenario" not in capsys.readouterr().out
        assert execute([*as_mi355x, "--allow-different", "topology"]) in DONE
        assert "44 x b200 there" in " ".join(capsys.readouterr().out.split())
