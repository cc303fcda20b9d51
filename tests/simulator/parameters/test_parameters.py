from pathlib import Path

import pytest
import yaml

from inferbench.errors import FileError, UsageError
from inferbench.simulator.parameters.parameters import PARAMETERS_FILE, TwinParameters, load_parameters
from inferbench.simulator.parameters.sourced import Sourced
from inferbench.values import Value


def test_every_block_names_its_source() -> None:
    def blocks(value: object) -> list[Sourced]:
        if isinstance(value, dict):
            return [b for v in value.values() for b in blocks(v)]
        own = [value] if isinstance(value, Sourced) else []
        inner = [v for _, v in value] if isinstance(value, Value) else []
        return own + [b for v in inner for b in blocks(v)]

    found = blocks(load_parameters())
    stacks = sum(map(len, load_parameters().stacks.values()))
    assert stacks == 21
    assert len(found) == stacks * 2 + 1 + 3 + 4 + 2
    assert all(len(block.source) > 20 for block in found)


def test_an_unknown_stack_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        load_parameters().stack("b200", "sglang")
    message = str(caught.value)
    assert "b200 sglang" in message
    assert "b200 dynamo-sglang, b200 dynamo-trtllm, b200 sglang-agg" in message
    assert "did you mean" in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hosts": {}}, "hosts: unknown key"),
        ({"format": 2}, "format: 2 is not allowed"),
        ({"memory": {"source": "s", "how": "guessed", "fraction": 0.9}}, "memory.how: 'guessed' is not allowed"),
        ({"memory": {"source": "s", "how": "assumed", "fraction": 1.5}}, "memory.fraction"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    content = yaml.safe_load(PARAMETERS_FILE.read_text(encoding="utf-8")) | change
    path = tmp_path / "parameters.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(FileError) as caught:
        load_parameters(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parameters_are_read_once() -> None:
    assert load_parameters() is load_parameters()
    assert isinstance(load_parameters(), TwinParameters)
