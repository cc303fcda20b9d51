"""The commands, end to end."""

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inferbench.cli.twin.twin import app
from inferbench.errors import FileError, UsageError
from inferbench.simulator.parameters.parameters import PARAMETERS_FILE, load_parameters
from tests.support.calibration_factories import write

RUN = CliRunner()


SERVER = {"disagg": "false", "decode_workers": "1", "num_decode_gpu": "8", "total_gpus": "8"}
OTHERS = ({**SERVER, "framework": "trt"}, {**SERVER, "framework": "vllm"}, {"isl": "much"})
"""An aggregated server, one of an engine that the twin does not know, and a row that is wrong."""


@pytest.fixture
def points(tmp_path: Path) -> Path:
    rows = [
        {
            "conc": str(c),
            "isl": str(isl),
            "decode_workers": str(d),
            "num_decode_gpu": str(8 * d),
            "total_gpus": str(4 + 8 * d),
        }
        for d in (1, 2, 3, 5)
        for isl in (1024, 8192)
        for c in (10, 60)
    ]
    return write(tmp_path / "points.csv", *rows, *OTHERS)


def test_validate_scores_a_file(points: Path) -> None:
    result = RUN.invoke(app, ["validate", "--points", str(points), "--json"], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["basis"] == "frozen"
    assert found["pooled"]["points"] == 17
    assert found["pooled"]["failures"] == 2
    assert set(found["summaries"]) == {"B200 TRT-LLM", "B200 TRT-LLM aggregated", "B200 vllm aggregated"}


def test_validate_on_a_split_refits(points: Path) -> None:
    result = RUN.invoke(app, ["validate", "--points", str(points), "--split", "lengths"], catch_exceptions=False)
    assert "basis: lengths" in result.stdout
    assert "| B200 TRT-LLM | 16 |" in result.stdout
    assert "no constants for b200 vllm-agg" in result.stdout


def test_validate_writes_the_page(points: Path, tmp_path: Path) -> None:
    page = tmp_path / "validation.md"
    RUN.invoke(app, ["validate", "--points", str(points), "--document", str(page)], catch_exceptions=False)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Validation of the twin")
    for title in ("The targets", "Topologies held out", "Whole ISL/OSL held out", "Whole backends held out"):
        assert title in text
    summary, tables = text.split("## The tables")
    assert re.search(r"\d+ of 21 are met, \d+ of them at the stretch", summary)
    assert "| topology: all | 17 |" in summary
    assert tables.count("<details>") == tables.count("</details>") == tables.count("<summary>") > 5
    assert all(part.strip() == "" for part in re.findall(r"</details>(.*?)<details>", tables, re.DOTALL)), "not folded"


def test_calibrate_rewrites_the_fitted_part_alone(points: Path, tmp_path: Path) -> None:
    output = tmp_path / "parameters.yaml"
    shutil.copyfile(PARAMETERS_FILE, output)
    RUN.invoke(app, ["calibrate", "--points", str(points), "--output", str(output)], catch_exceptions=False)
    before, after = PARAMETERS_FILE.read_text(encoding="utf-8"), output.read_text(encoding="utf-8")
    assert before != after
    assert before.split("# --- end of fitted ---")[1] == after.split("# --- end of fitted ---")[1]
    assert load_parameters(output).stack("b200", "dynamo-trtllm").fit is not None


def test_a_split_that_there_is_not_is_refused(points: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'topology'"):
        RUN.invoke(app, ["validate", "--points", str(points), "--split", "topologie"], catch_exceptions=False)


def test_a_file_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        RUN.invoke(app, ["validate", "--points", str(tmp_path / "none.csv")], catch_exceptions=False)


def test_search_shows_the_best_and_the_nearest_measured(points: Path) -> None:
    arguments = [
        "search",
        "--gpu",
        "b200",
        "--framework",
        "dynamo-trtllm",
        "--gpus",
        "12..20",
        "--slo",
        "tpot:20,ttft:5000",
    ]
    result = RUN.invoke(app, [*arguments, "--points", str(points), "--best", "3"], catch_exceptions=False)
    assert "Best topologies" in result.stdout
    assert "xTEP8 c" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gpus", "8"], "is not LEAST..MOST"),
        (["--gpus", "20..8"], "is not LEAST..MOST"),
        (["--slo", "tpot:fast"], "is not METRIC:MS"),
        (["--slo", "tput:10"], "did you mean 'tpot'"),
        (["--gpu", "b2000"], "did you mean 'b200'"),
    ],
)
def test_bad_options_of_search_are_named(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RUN.invoke(app, ["search", *arguments], catch_exceptions=False)
