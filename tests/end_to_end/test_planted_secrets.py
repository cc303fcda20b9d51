"""Secrets are planted in every place that takes one, and echoed by the server; nothing that a run wrote holds them."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from inferbench.cli import execute
from inferbench.endpoint.discovery import Site, look
from inferbench.errors import ExitCode
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.records import layout
from tests.support.scenarios_for_tests import small_scenario, write_scenario

KEY = 'plantedKEY-a/b+c"d&e-1234567890'
HEADER, BASIC, BODY, LAUNCH, HF, TOLD = (
    f"planted{name}-0123456789" for name in ("HDR", "USR", "BDY", "LNC", "HFT", "TLD")
)
MODEL = "deepseek-ai/DeepSeek-R1-0528"
LABEL = "hf_plantedLBL0123456789"
SECRETS = (KEY, HEADER, BASIC, BODY, LAUNCH, HF, TOLD, LABEL)
GIVEN = (
    "--header", f"X-Gateway={HEADER}",
    "--header", f"Proxy-Authorization=Basic {base64.b64encode(f'me:{BASIC}'.encode()).decode()}",
    "--extra-body", json.dumps({"metadata": {"api_key": BODY}}),
)  # fmt: skip
LAUNCHED = f"HF_TOKEN={HF} python -m sglang.launch_server --api-key '{LAUNCH}' --admin_api_key={LAUNCH}"


def writings(secret: str) -> set[str]:
    """A secret in every form in which it may lie in a file, and the beginning of it that a cut may have left."""
    octets = secret.encode()
    turned = (base64.b64encode(bytes(n) + octets).decode()[4:-4] for n in range(3))
    forms = {secret, json.dumps(secret)[1:-1], urllib.parse.quote(secret, safe=""), *turned}
    return forms | {form[:16] for form in forms}


class _Echo(BaseHTTPRequestHandler):
    """A server that shows everything that it was sent and was started with, in its pages and in every third answer."""

    protocol_version = "HTTP/1.1"
    asked = itertools.count()

    def do_GET(self) -> None:
        told = {
            "model_path": MODEL, "version": "0.5.12", "tp_size": 8, "api_key": TOLD, "admin_api_key": TOLD,
            "hf_token": TOLD, "kv_transfer": json.dumps({"auth_token": TOLD, "n": self._echo()}), "sent": self._echo(),
            "launched": f"HF_TOKEN={TOLD} python -m x --api-key {TOLD} --store s3://{TOLD}:{TOLD}@bucket/x",
        }  # fmt: skip
        pages = {"/v1/models": {"data": [{"id": MODEL, "owned_by": "sglang"}]}, "/server_info": told, "/health": {}}
        if self.path == "/metrics":
            self._send(
                200, f"sglang:num_running_reqs 1\n# {self._echo()}\nsglang:gen_throughput{{key={KEY}}} oops {KEY}\n"
            )
        elif self.path in pages:
            self._send(200, json.dumps(pages[self.path]))
        else:
            self._send(404, self._echo())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path == "/flush_cache":
            self._send(403, self._echo())
        elif '"max_tokens":1,' in body or (number := next(self.asked)) % 3 != 2:  # a canary, or one of two in three
            event = json.dumps({"choices": [{"text": "a", "finish_reason": None}], "usage": {"completion_tokens": 1}})
            end = json.dumps({"choices": [{"text": "b", "finish_reason": "length"}], "usage": {"completion_tokens": 2}})
            self._send(200, f"data: {event}\n\ndata: {end}\n\ndata: [DONE]\n\n")
        else:
            # The place at which the text is cut wanders through what is echoed.
            message = "x" * (number * 7 % 300) + self._echo() + body + KEY
            said = json.dumps({"error": {"message": message}}) if number % 2 else message
            self._send(401, said if number % 4 else urllib.parse.quote(said))

    def _echo(self) -> str:
        sent = "; ".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{sent} {json.dumps(dict(self.headers))} {base64.b64encode(f'user:{KEY}'.encode()).decode()}"

    def _send(self, status: int, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream" if content.startswith("data:") else "text/plain")
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        pass


class _Router(_Echo):
    """A router whose workers want a password."""

    def do_GET(self) -> None:
        if self.path == "/workers":
            workers = [
                {"url": f"http://user:{TOLD}@127.0.0.1:9", "worker_type": role} for role in ("prefill", "decode")
            ]
            self._send(200, json.dumps({"workers": workers}))
        elif self.path == "/v1/models":
            super().do_GET()
        else:
            self._send(404, "")


@contextmanager
def serving(handler: type[_Echo]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(_Echo) as address:
        yield address


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["inferbench", *arguments])
    return execute(list(arguments))


def told_by(folder: Path) -> Iterator[tuple[str, str]]:
    """All texts that files of a folder hold, by file; columnar files as rows, since they are compressed."""
    for path in (p for p in folder.rglob("*") if p.is_file()):
        if path.suffix == ".parquet":
            yield path.name, repr(pq.ParquetFile(path).read().to_pylist())
        yield path.name, path.read_bytes().decode("latin-1")


def leaks(texts: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    found = {form: secret for secret in SECRETS for form in writings(secret)}
    return [(name, form) for name, text in texts for form in found if form in text]


def test_a_bench_run_keeps_no_secret(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "bench", "--base-url", url, "--num-prompts", "90", "--max-concurrency", "8", "--osl", "2", "--isl",
        "8", *GIVEN, "--store", str(tmp_path / "store"), "--save-result", "--save-detailed", "--result-dir",
        str(tmp_path / "results"), "--label", f"planted-run-{LABEL}", "--metadata", f"api_key={BODY}")  # fmt: skip
    (path,) = (tmp_path / "store" / "bench").iterdir()
    for format in ("vllm", "inferencex", "csv", "parquet"):
        run(monkeypatch, "export", format, str(path), "--out", str(tmp_path / "exports"))
    run(monkeypatch, "report", str(path))
    run(monkeypatch, "report", str(path), "--format", "json")
    said = capfd.readouterr()
    (errors,) = (path / layout.POINTS).glob("*/records.parquet")
    failed = [error for error in pq.ParquetFile(errors).read()["error"].to_pylist() if error]
    assert len(failed) == 30
    assert sum("***" in error for error in failed) >= 10
    assert json.loads((path / layout.MANIFEST).read_bytes())["command"].count("X-Gateway=***") == 1
    assert leaks(told_by(tmp_path)) == []
    assert leaks(iter([("stdout", said.out), ("stderr", said.err)])) == []


def test_an_attached_run_keeps_no_secret(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = small_scenario()
    del spec["live"]
    lengths = {"isl": {"nominal": 8, "min": 8, "max": 8}, "osl": {"nominal": 2, "min": 2, "max": 2}}
    spec["load"] |= {"prompts_per_concurrency": 8, "warmups_per_concurrency": 0, **lengths}
    scenario = write_scenario(tmp_path / "small.yaml", spec)
    run(monkeypatch, "run", str(scenario), "--base-url", url, "--deployment", "b200-trtllm", "--topology",
        "1p5d-tep8-b1", "--concurrency", "4", *GIVEN, "--store", str(tmp_path / "store"), "--max-error-rate", "1",
        "--allow-different", "topology", "--launch-command", LAUNCHED)  # fmt: skip
    run(monkeypatch, "runs", "list", "--store", str(tmp_path / "store"), "--json")
    said = capfd.readouterr()
    (path,) = (tmp_path / "store" / "small").iterdir()
    assert (path / layout.REPORT).is_file()
    (attachment,) = json.loads((path / layout.MANIFEST).read_bytes())["attachments"]
    assert attachment["launch_command"] == (
        "HF_TOKEN=*** python -m sglang.launch_server --api-key '***' --admin_api_key=***"
    )
    flags = attachment["parts"][0]["flags"]
    assert (flags["tp_size"], flags.keys() & {"api_key", "admin_api_key", "hf_token"}) == ("8", set())
    assert leaks(told_by(tmp_path)) == []
    assert leaks(iter([("stdout", said.out), ("stderr", said.err)])) == []


def test_a_worker_whose_url_holds_a_password_is_left_out_and_named_without_it() -> None:
    with serving(_Router) as url:
        seen = asyncio.run(look(Site((Endpoint(url, "/v1/completions"),)), 0))
    assert sum("must not hold a user name or password" in note for note in seen.notes) == 2
    assert leaks(iter([("sight", repr(seen))])) == []


def test_an_error_shows_no_secret_on_stderr(tmp_path: Path) -> None:
    """Also one that is a fault in inferbench, with the lines of its traceback."""
    script = tmp_path / "fault.py"
    script.write_text(
        "import sys, inferbench.cli.app as app, inferbench.cli as cli\n"
        f"def fault(): raise RuntimeError({f'sent with {LAUNCHED}'!r})\n"
        "app.build = fault\n"
        "cli.main()\n"
    )
    faulty = subprocess.run([sys.executable, str(script), "runs"], capture_output=True, text=True, env=os.environ)
    assert faulty.returncode == ExitCode.INTERNAL
    assert "RuntimeError: sent with HF_TOKEN=*** python" in faulty.stderr
    assert leaks(iter([("stderr", faulty.stderr)])) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--store", f"s3://{LAUNCH}:{HF}@bucket/x?scheme=nosuch", "nosuch-scenario"),
        ("runs", "verify", "--store", f"s3://{LAUNCH}:{HF}@bucket/x?token={TOLD}"),
        ("bench", "--base-url", f"http://user:{LAUNCH}@127.0.0.1:9"),
        ("bench", "--base-url", f"http://127.0.0.1:9/?api_key={LAUNCH}"),
        ("bench", "--nosuch-option", f"--api-key={LAUNCH}"),
    ],
)
def test_a_refused_command_line_is_not_repeated_with_its_secrets(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(list(arguments)) in (ExitCode.USAGE, ExitCode.ENDPOINT)
    said = capsys.readouterr()
    assert leaks(iter([("stderr", said.err), ("stdout", said.out)])) == []
