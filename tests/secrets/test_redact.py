"""Secrets in texts and on command lines: what is hidden, in which writings, and what is left as it was."""

from __future__ import annotations

import base64
import html
import json
import pickle
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.secrets.command_lines import redact_command
from inferbench.secrets.names import is_secret_name
from inferbench.secrets.redact import excerpt, redact, redact_json
from inferbench.secrets.values import KNOWN, PART

KEY = 'pl4nted/k+y"with&all=of\\it'
WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)),
    "JSON of Go": lambda key: json.dumps(key).replace("&", r"\u0026"),
    "Python": repr,
    "URL": lambda key: urllib.parse.quote(key, safe=""),
    "URL in URL": lambda key: urllib.parse.quote(urllib.parse.quote(key, safe=""), safe=""),
    "form": urllib.parse.quote_plus,
    "HTML": html.escape,
    "Base64": lambda key: base64.b64encode(key.encode()).decode(),
    "Basic auth": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "Basic auth of another": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "Base64 for URLs": lambda key: base64.urlsafe_b64encode(f"u:{key}?".encode()).decode(),
}


def leaks(text: str, key: str) -> bool:
    """Whether so much of a key is in a text that somebody could use it."""
    return any(key[i : i + PART] in text for i in range(len(key) - PART + 1))


@pytest.mark.parametrize("how", WRITINGS)
def test_a_known_key_is_hidden_however_it_is_written(how: str) -> None:
    written = WRITINGS[how](KEY)
    KNOWN.learn(KEY)
    shown = redact(f"before <{written}> after")
    assert "***" in shown
    assert shown.startswith("before <")
    assert shown.endswith("> after")
    assert not leaks(shown, KEY)
    if "Bas" in how:
        assert not leaks(shown, written.strip("=")[4:-4])


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60),
    st.sampled_from(list(WRITINGS)),
    st.integers(0, 400),
)
def test_any_key_is_hidden_in_any_writing_wherever_it_was_cut(key: str, how: str, cut: int) -> None:
    KNOWN.forget()
    KNOWN.learn(key)
    assert not leaks(redact(f"x {WRITINGS[how](key)[:cut]}"), key)


@given(st.text())
def test_what_was_redacted_once_stays_as_it_is(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_a_key_is_gone_before_a_text_is_cut() -> None:
    KNOWN.learn(KEY)
    for lead in range(60):
        assert not leaks(excerpt("x" * lead + KEY + "y" * 100, 50), KEY)


def test_keys_that_begin_alike_are_hidden_each_to_its_end_and_so_is_a_strangers() -> None:
    mine, other, stranger = "sk-like-00-aaaa1111", "sk-like-00 bbbb2222", "sk-like-00-cccc3333"
    KNOWN.learn(mine)
    KNOWN.learn(other)
    assert redact(f"{mine}, {other}; {stranger}!") == "***, ***; ***!"


def test_a_store_that_was_taken_for_a_path_hides_its_keys_too() -> None:
    assert redact("s3:/AK:pl4nted@127.0.0.1:1/b: not a run") == "s3:/***@127.0.0.1:1/b: not a run"
    assert redact("C:/a@b and r:/x:y@z stay") == "C:/a@b and r:/x:y@z stay"


def test_a_short_key_stands_alone_and_a_value_of_three_letters_is_none() -> None:
    KNOWN.learn("sk-1")
    KNOWN.learn("abc")
    assert redact("bad key sk-1, not task-12 or abc") == "bad key ***, not task-12 or abc"


def test_a_word_under_a_harmless_name_hides_nothing_of_what_servers_say() -> None:
    Endpoint("http://h", "/v1/completions", headers={"X-Mode": "error", "X-Session-Token": "error"[::-1]})
    assert redact("error in the stream: rorre") == "error in the stream: ***"


def test_what_an_endpoint_carries_is_known_from_when_it_is_made_also_in_a_worker() -> None:
    endpoint = Endpoint(
        "http://127.0.0.1:1",
        "/v1/completions",
        api_key=SecretStr("the-api-key-1"),
        headers={
            "X-Gateway": "gateway-pass-2",
            "Authorization": "Bearer bearer-token-3",
            "Cookie": "session=cookie-value-4; theme=dark",
            "Proxy-Authorization": f"Basic {base64.b64encode(b'me:proxy-password-5').decode()}",
            "Content-Type": "application/json",
        },
        extra_body={"nested": [{"hf_token": "body-token-6"}], "stop": "harmless-stop-word"},
    )
    said = (
        "the-api-key-1 gateway-pass-2 bearer-token-3 cookie-value-4 proxy-password-5 body-token-6 "
        "harmless-stop-word application/json"
    )
    hidden = "*** *** *** *** *** *** harmless-stop-word application/json"
    assert redact(said) == hidden
    sent = pickle.dumps(endpoint)
    KNOWN.forget()
    assert redact(said) == said
    pickle.loads(sent)
    assert redact(said) == hidden
    assert "gateway" not in repr(endpoint)
    assert "body-token" not in repr(endpoint)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("HF_TOKEN=hf_x python -m sglang.launch_server --tp 8", "HF_TOKEN=*** python -m sglang.launch_server --tp 8"),
        ("serve m --api-key 'a b' --max-tokens 5", "serve m --api-key '***' --max-tokens 5"),
        ("serve m --api_key abc", "serve m --api_key ***"),
        ('run("serve --api-key=abc")\nnext "line"', 'run("serve --api-key=***")\nnext "line"'),
        ("serve --api-key=ab'c'\"d\"e --tp 8", "serve --api-key=*** --tp 8"),
        ('["--api-key=abc","--tp","8"]', '["--api-key=***","--tp","8"]'),
        ("serve m --api-key=a,b; c", "serve m --api-key=***; c"),
        ('serve m --api-key "a\\"b" --tp 8', 'serve m --api-key "***" --tp 8'),
        ("serve \\\n  --admin-api-key \\\n  abc", "serve \\\n  --admin-api-key \\\n  ***"),
        ("docker run -e HF_TOKEN=q -e X=1 image", "docker run -e HF_TOKEN=*** -e X=1 image"),
        ("export AWS_SECRET_ACCESS_KEY=a/b+c,d", "export AWS_SECRET_ACCESS_KEY=***"),
        ("bash -c 'HF_TOKEN=x vllm serve'", "bash -c 'HF_TOKEN=*** vllm serve'"),
        ("['--api-key', 'abc', '--tp', '8']", "['--api-key', '***', '--tp', '8']"),
        ('"args": ["--api-key", "abc"]', '"args": ["--api-key", "***"]'),
        ("- --api-key\n- abc\n- --tp", "- --api-key\n- ***\n- --tp"),
        ("args: {'api_key': ['abc'], 'tp': 8}", "args: {'api_key': [\"***\"], 'tp': 8}"),
        ('{"error": "no {\\"api_key\\": \\"ab\\"}"}', '{"error": "no {\\"api_key\\": \\"***\\"}"}'),
        ("s3://AKIA1:ab/cd+e@bucket/p?region=x", "s3://***@bucket/p?region=x"),
        ("https://user:pa@ss@host:8000/x@y", "https://***@host:8000/x@y"),
        ("https://token@host/x", "https://***@host/x"),
        ("GET /o?X-Amz-Signature=ab&X-Amz-Credential=c/d&n=1", "GET /o?X-Amz-Signature=***&X-Amz-Credential=***&n=1"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***"),
        ("{'authorization': 'Basic dXNlcjpwYXNz'}", "{'authorization': 'Basic ***'}"),
        ("sent Bearer abc123def as it was", "sent Bearer *** as it was"),
        ("Set-Cookie: a=b; c=d", "Set-Cookie: ***"),
        ("x-api-key:abc12345", "x-api-key:***"),
        ('password="cut off he', 'password="***'),
        ("sshpass -p pw ssh node7", "sshpass -p *** ssh node7"),
        ("Incorrect key: sk-aaaabbbbccccddddeeee.", "Incorrect key: ***."),
        ("see hf_abcdefghijklmnopqrst there", "see *** there"),
        ("--label run-hf_abcdefghijklmnopqrst-2", "--label run-***-2"),
        ("task-sk-of-an-ordinary-name", "task-sk-of-an-ordinary-name"),
        ("a -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- b", "a *** b"),
    ],
)
def test_secrets_of_others_are_told_by_where_they_stand(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "python -m sglang.launch_server --tokenizer-path x --max-tokens 5 --num-prompts 10 --stop-token-ids 2",
        "token_usage: 0.53, completion_tokens: 128, max_tokens=4096, eos_token=</s>, prompt_tokens: 7",
        "unexpected token: bye at position 3, invalid token: 128009",
        "Basic authentication is required; authorization required: ask",
        "http://127.0.0.1:8000/v1 and http://[::1]:8000/x@y, docker image@sha256:12ab",
        "--api-key-file /run/key --random-range-ratio 0.5 --seed 3",
        "time_per_output_token: 20.5 ms, first_token: 400 ms, sort_key=name, cache_key=12",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("name", ["HF_TOKEN", "apiKey", "x-api-key", "AWSAccessKeyId", "db_password", "X-Auth", "pwds"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name) == (name != "pwds")


def test_a_command_line_without_secrets_can_be_repeated_as_it_was() -> None:
    line = (
        "inferbench", "run", "s.yaml", "--base-url", "http://h:1", "--extra-body", '{"top_p":0.90}', "--osl", "5",
        "--header", "Accept=text/plain", "--api-key-file", "/run/key", "--metadata", "tp=8", "pp=1", "--tokenizer", "t",
        "--from-manifest", "reports/x/y",
    )  # fmt: skip
    assert redact_command(line) == line


def test_secrets_on_a_command_line_go_and_the_rest_stays() -> None:
    line = (
        "inferbench", "bench", "--header", "X-Team=planted", "X-B=planted", "--header=Authorization=Bearer planted",
        "--extra-body", '{"a": [{"api_key": "planted"}], "n": 1}', "--store", "s3://planted:planted@b/p?token=planted",
        "--launch-command", "HF_TOKEN=planted serve --api-key 'planted'", "--api-key", "planted", "--osl", "4",
    )  # fmt: skip
    assert redact_command(line) == (
        "inferbench", "bench", "--header", "X-Team=***", "X-B=***", "--header=Authorization=***",
        "--extra-body", '{"a": [{"api_key": "***"}], "n": 1}', "--store", "s3://***@b/p?token=***",
        "--launch-command", "HF_TOKEN=*** serve --api-key '***'", "--api-key", "***", "--osl", "4",
    )  # fmt: skip


def test_a_json_document_loses_what_stands_under_names_of_secrets() -> None:
    told = {"server_args": {"api_key": "planted", "hf_token": None, "tp": 8, "cmd": "x --api-key planted"}, "n": [1]}
    assert redact_json(told) == {
        "server_args": {"api_key": "***", "hf_token": None, "tp": 8, "cmd": "x --api-key ***"},
        "n": [1],
    }
