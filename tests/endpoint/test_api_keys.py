"""Where an API key comes from, and what is said where there is none."""

from __future__ import annotations

import pytest

from inferbench.endpoint.api_keys import api_key_from
from inferbench.errors import UsageError


def test_from_a_file_and_from_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text("sk-1\n")
    monkeypatch.setenv("SOME_KEY", " sk-2 ")
    assert api_key_from(file=file).get_secret_value() == "sk-1"
    assert api_key_from(env="SOME_KEY").get_secret_value() == "sk-2"
    assert api_key_from(env="SOME_KEY", file=file).get_secret_value() == "sk-1"
    assert "sk-" not in repr(api_key_from(file=file))
    assert api_key_from(env="NO_SUCH_KEY") is None
    assert api_key_from() is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"sk one", "white space"),
        ("schlüssel".encode(), "ASCII"),
        (b"\xff", "not text"),
    ],
)
def test_useless_files(tmp_path, content, says):
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=says) as caught:
        api_key_from(file=file)
    assert "sk" not in str(caught.value).replace(str(file), "")


def test_missing_file_and_empty_variable(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        api_key_from(file=tmp_path / "none")
    monkeypatch.setenv("SOME_KEY", "")
    with pytest.raises(UsageError, match="variable SOME_KEY holds no API key"):
        api_key_from(env="SOME_KEY")
