"""`inferbench validate` refuses what a later command would: prices that nobody has, GPUs that nobody knows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferbench.cli import execute
from inferbench.errors import ExitCode
from tests.support.scenarios_for_tests import small_scenario, write_scenario

ROOT = Path(__file__).parents[2]
ALL_IN = "pricing/inferencex-2026-09.yaml"
OWNED = "pricing/template-owned.yaml"
CLAIM = "scenarios/claims/template.yaml"
ABLATION = "scenarios/mori-ablation.yaml"
Bend = Callable[[dict[str, Any]], object]


def said(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    """The one line with which a file is refused."""
    assert execute(["validate", str(path)]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"inferbench: {path}: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("name", "bend", "message"),
    [
        (ALL_IN, lambda d: d["prices"][0].update(gpu="b2000"), "unknown GPU 'b2000'; allowed: b200, b300,"),
        (ALL_IN, lambda d: d["power"][0].update(gpu="mi355"), "unknown GPU 'mi355'"),
        (ALL_IN, lambda d: d["prices"][0].update(low=90), "is not within low 90 and high"),
        (ALL_IN, lambda d: d["prices"][0].update(high=0.01), "and high 0.01"),
        (ALL_IN, lambda d: d["prices"][0].update(as_of="2026-02-30"), "prices[0].as_of: input should be a valid date"),
        (ALL_IN, lambda d: d["prices"][0].update(value=True), "prices[0].value: input should be a valid number (given"),
        (ALL_IN, lambda d: d["prices"][0].update(source=""), "prices[0].source: string should have at least 1"),
        (ALL_IN, lambda d: d["power"].append(d["power"][0]), "two power figures for"),
        (ALL_IN, lambda d: d["tiers"].append(d["tiers"][0]), "tiers: hyperscaler is given twice"),
        (ALL_IN, lambda d: d.update(kind=["all_in"]), "kind: unknown kind of price book"),
        (OWNED, lambda d: d["gpus"].append("b200"), "gpus: b200 is given twice"),
        (OWNED, lambda d: d["lines"][0].update(value=1e300, low=None, high=None), "must be at most 1e+12"),
        (CLAIM, lambda d: d["comparison"].update(tier="rentel"), "has no price for h200 in tier rentel; it has "),
        (CLAIM, lambda d: d["lines"][0]["quantity"].update(of=""), "unknown curve ''; allowed: "),
        (CLAIM, lambda d: d.update(price_books=["inferencex-2026-19"]), "no such file, and unknown name in pricing"),
        (CLAIM, lambda d: d["curves"][0]["points"][0]["decode"].update(workers=10**30), "decode.workers: input should"),
        (ABLATION, lambda d: d["weighings"][0]["isl"].update(max=10**6), "beyond the 163840 of DeepSeek-R1-0528's"),
    ],
)  # fmt: skip
def test_what_would_fail_later_is_refused(
    name: str, bend: Bend, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy.deepcopy(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))
    bend(data)
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    assert message in said(capsys, path)


def test_two_books_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By their names the costs of one would be told as those of the other."""
    (tmp_path / "mine.yaml").write_text((ROOT / ALL_IN).read_text())
    data = small_scenario() | {"price_books": ["inferencex-2026-09", str(tmp_path / "mine.yaml")]}
    assert "price_books: two books are named 'inferencex-2026-09'" in said(
        capsys, write_scenario(tmp_path / "s.yaml", data)
    )


def test_a_name_longer_than_a_files_can_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = small_scenario() | {"price_books": ["x" * 5000]}
    assert "no such file, and unknown name in pricing" in said(capsys, write_scenario(tmp_path / "s.yaml", data))
