from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from inferbench.errors import ExitCode, FileError
from inferbench.files.yaml_values import read_value
from inferbench.scenario.scenario import Scenario

SCENARIO = Path(__file__).parents[2] / "scenarios" / "deepseek-r1-mi355x-vs-b200.yaml"


def error_of(tmp_path: Path, change: tuple[str, str]) -> str:
    """The one line that a change to the shipped scenario gives."""
    text = SCENARIO.read_text()
    assert change[0] in text
    path = tmp_path / "scenario.yaml"
    path.write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(FileError) as caught:
        read_value(path, Scenario)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.exit_code is ExitCode.USAGE
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  ignore_eos: true", "  ignor_eos: true", "load.ignor_eos: unknown key; allowed: isl, osl, ignore_eos"),
        ("  ignore_eos: true", "  ignor_eos: true", "did you mean 'ignore_eos'?"),
        ("concurrency: [1, 2, 4, 8]", "concurrency: [0, 2]", "deployments[0].topologies[0].concurrency[0]:"),
        ("concurrency: [1, 2, 4, 8]", "concurrency: [0, 2]", "greater than 0 (given 0)"),
        ("kv_transfer: mori-io", "kv_transfer: moriio", "did you mean 'mori-io'?"),
        ("        decode: {workers: 1, gpus: 8, tp: 8, max_running: 128}\n", "", "topologies[0].decode: is required"),
        ("min: 6553", "min: 9000", "load.isl: min 9000 is above max 8192"),
        ("{workers: 1, gpus: 8, tp: 8,", "{workers: 1, gpus: 4, tp: 8,", "tp 8 needs more than the 4 GPUs"),
        ("      - name: 1p2d-tp8\n", "      - name: 1p1d-tp8\n", "two topologies are named '1p1d-tp8'"),
        ("  - name: b200-sglang\n", "  - name: b200-trtllm\n", "two deployments are named 'b200-trtllm'"),
        ("interactivity: 50}", "interactivity: 50, slo: {}}", "give either interactivity or slo"),
        ("half_width: 0.25", "half_width: .inf", "twin.half_width:"),
        ("format: 1", "format: 2", "format: 2 is not allowed; use 1"),
        ("name: b200-trtllm\n", "name: ../b200\n", "deployments[1].name:"),
    ],
)  # fmt: skip
def test_a_bad_key_is_named_with_what_is_allowed(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in error_of(tmp_path, (old, new))


def test_several_errors_are_counted(tmp_path: Path) -> None:
    assert error_of(tmp_path, ("concurrency: [1, 2, 4, 8]", "concurrency: [0, -1, 4, 8]")).endswith("(and 1 more)")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- a\n- b\n", "must be a mapping of keys to values, not list"),
        ("", "must be a mapping"),
        ("a: [1\n", "not valid YAML"),
        ("format: 1\nformat: 2\n", "the key 'format' is given twice"),
        ("!!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_what_is_not_a_mapping_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(dedent(content))
    with pytest.raises(FileError, match=r"x\.yaml") as caught:
        read_value(path, Scenario)
    assert expected in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_value(tmp_path / "none.yaml", Scenario)
    with pytest.raises(FileError, match="cannot be read"):
        read_value(tmp_path, Scenario)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match=r"binary\.yaml"):
        read_value(binary, Scenario)
