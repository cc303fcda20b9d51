"""Endpoints: what is accepted, what is refused, and that secrets stay secret."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from pydantic import SecretStr

from inferbench.errors import UsageError
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.secrets.redact import redact

PATH = "/v1/completions"


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "tls", "target"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", 8000, "127.0.0.1:8000", False, PATH),
        ("https://example.test", "example.test", 443, "example.test", True, PATH),
        ("http://example.test/", "example.test", 80, "example.test", False, PATH),
        ("http://[::1]:9/proxy/", "::1", 9, "[::1]:9", False, "/proxy" + PATH),
    ],
)
def test_parts(url, host, port, authority, tls, target):
    e = Endpoint(url, PATH)
    assert (e.host, e.port, e.authority, e.is_tls, e.target_path()) == (host, port, authority, tls, target)
    assert e.url("/health") == url.rstrip("/") + "/health"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "localhost",
        "ftp://host",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:99999",
        "http://host:port",
        "http://host?x=1",
        "http://host#x",
        "http://ho st",
        "http://a..b",
        "http://[::1",
        "http://höst",
    ],
)
def test_bad_url_is_refused_in_one_line(url):
    with pytest.raises(UsageError) as error:
        Endpoint(url, PATH)
    assert "\n" not in str(error.value)
    assert "URL" in str(error.value)


def test_credentials_in_the_url_are_refused_and_not_repeated():
    with pytest.raises(UsageError) as error:
        Endpoint("http://user:hunter2@host", PATH)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"path": "v1/completions"}, "must start with '/'"),
        ({"base_url": "http://host/v1"}, "both hold /v1"),
        ({"headers": {"X": "a\r\nHost: b"}}, "line break"),
        ({"headers": {"X": "ü"}}, "not ASCII"),
        ({"api_key": SecretStr("a\nb")}, "'Authorization'"),
        ({"request_timeout_s": 0}, "above 0"),
        ({"request_timeout_s": float("nan")}, "above 0"),
    ],
)
def test_bad_options(options, says):
    with pytest.raises(UsageError, match=says):
        Endpoint(**{"base_url": "http://host", "path": PATH} | options)


def test_secrets_show_nowhere():
    e = Endpoint("http://host", PATH, "m", SecretStr("sk-1"), {"X-Token": "sk-2"})
    for shown in (repr(e), str(e), f"{e}", repr(replace(e, model="n")), repr(asdict(e)["api_key"])):
        assert "sk-1" not in shown
    assert "sk-2" not in repr(e)
    assert e.header_lines() == [("Authorization", "Bearer sk-1"), ("X-Token", "sk-2")]
    assert redact("bad key sk-1") == "bad key ***"
    assert redact("text") == "text"
