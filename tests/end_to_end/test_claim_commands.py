"""`claims`, `audit`, `import` and `export` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.formats.inferencex.aggregate_row import agg_row
from tests.support.measured_points import DAY, point


def test_claims_prints_the_answers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "deep" / "claim.html"
    assert execute(["claims", "--html", str(page)]) == ExitCode.OK
    printed = " ".join(capsys.readouterr().out.split())
    for text in ("2,435.8", "1,945.3", "3,128.5", "1.252x", "$0.1775", "$0.1731", "-4.9 %", "-2.5 %", "+11.4 %"):
        assert text in printed, text
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_claims_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["claims", "mori-wire-bytes-2026-05", "--json"]) == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert [line["answer"] for line in report["lines"]].count("reproduced") == 3


def test_an_unknown_claim_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["claims", "mi355x-mori"]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "did you mean 'mi355x-mori-2026-05'" in error
    assert len(error.splitlines()) == 1


def test_import_audit_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "agg_bmk.json"
    rows.write_text(json.dumps([agg_row(point(interactivity=p, concurrency=c)) | {"date": str(DAY)}
                                for c, p in ((1, 100.0), (2, 150.0))]))  # fmt: skip
    assert execute(["import", "inferencex", str(rows), "--store", str(tmp_path / "store")]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "2 points imported" in out
    run = out.splitlines()[-1].removeprefix("2 points imported: ")
    assert execute(["audit", run]) == ExitCode.OK
    assert "interactivity rises 100 -> 150" in " ".join(capsys.readouterr().out.split())
    assert execute(["audit", str(rows), "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["points"] == 2
    assert execute(["export", "csv", run]) == ExitCode.OK
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert execute(["export", "parquet", run]) == ExitCode.USAGE
    assert "give --out DIR" in capsys.readouterr().err
    assert execute(["export", "parquet", run, "--out", str(tmp_path / "out")]) == ExitCode.OK
    assert (tmp_path / "out" / "points.parquet").stat().st_size > 0
