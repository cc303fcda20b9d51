"""Values of options that cannot be used end in one line that names them, and never as a fault of inferbench."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferbench.cli import execute
from inferbench.cli.files import write_file
from inferbench.errors import ExitCode, StoreError, UsageError
from inferbench.regression.baselines import NamedBaseline, write_baseline
from inferbench.store.run_directory import RunDirectory

LONG = "x" * 5000
"""No file can have such a name."""
BENCH = ("bench", "--base-url", "http://127.0.0.1:9", "--ready-check-timeout-sec", "0")
NESTED = '{"a":' * 300 + "1" + "}" * 300
"""Deeper than JSON is written, and less than it is read."""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("regress", "--baseline", LONG, "--candidate", "x"), "cannot be used: File name too long"),
        (("compare", LONG, "x"), "cannot be used: File name too long"),
        ((*BENCH, "--sampling", "null"), "--sampling: must be a JSON object"),
        ((*BENCH, "--sampling", "x"), "--sampling: not valid JSON"),
        ((*BENCH, "--extra-body", NESTED), "--extra-body: is nested too deeply"),
        (("twin", "search", "--precision", "fp5"), "unknown precision 'fp5'; allowed: bf16, fp4, fp8"),
        (("twin", "search", "--points", "."), "cannot be read"),
        (("baseline", "set", "main", "x", "--store", "none"), "unknown baseline 'x'; there is none"),
        (("baseline", "show"), "set_unix"),
    ],
)
def test_it_is_one_line(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / "reports" / ".baselines" / "main.json"
    odd.parent.mkdir(parents=True)
    odd.write_text('{"name": "main", "runs": ["x"], "set_unix": 1e300}')
    assert execute(list(arguments)) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert len(said) < 500
    assert "word@" not in said


def test_a_path_made_of_a_url_is_no_folder_named_after_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"^s3://\.\.\.: is a URL") as refused:
        RunDirectory.create(Path("s3://key:word@bucket/x"), "bench")
    with pytest.raises(StoreError, match=r"^s3://\.\.\.: is a URL"):
        write_baseline(Path("s3://key:word@bucket/x"), NamedBaseline(name="main", runs=("a",), set_unix=0.0))
    with pytest.raises(UsageError, match=r"^s3://\.\.\.: is a URL"):
        write_file(Path("s3://key:word@bucket/x.json"), b"")
    assert "word" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_an_argument_that_is_nested_deeply_is_kept_without_its_secrets() -> None:
    from inferbench.secrets.command_lines import redact_command

    kept = redact_command(["bench", "--label", "[" * 800 + '"hf_abcdefghij0123456789"' + "]" * 800])
    assert "hf_" not in "".join(kept)


def test_an_answer_that_is_nested_deeply_tells_nothing() -> None:
    from inferbench.endpoint.control_requests import ControlReply

    assert ControlReply(200, NESTED.replace("1", NESTED).encode()).json == {}
