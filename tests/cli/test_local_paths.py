"""A URL is no path of this machine: nothing is written into a directory that is called like an object store."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.cli import execute
from inferbench.errors import ExitCode

URL = "s3://AKEY:pl4nted-secret@127.0.0.1:1/bucket"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["bench", "--store", URL], "--store"),
        (["bench", f"--result-dir={URL}"], "--result-dir"),
        (["export", "csv", URL], "RUN"),
        (["validate", URL], "FILE"),
        (["compare", URL, "x"], "BASELINE"),
    ],
)
def test_a_url_where_a_path_is_asked_for_is_refused_without_its_keys(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(arguments) == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.err.startswith(f"inferbench: {named} is a path of this machine, and no URL (s3://...); ")
    assert "pl4nted" not in said.out + said.err
    assert not list(tmp_path.iterdir())
