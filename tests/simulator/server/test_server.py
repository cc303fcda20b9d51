"""The simulator server, asked by a client that is not ours."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from inferbench.errors import EndpointError
from inferbench.loadgen.in_process_target import InProcessTarget
from inferbench.records.request_record import CountSource, RequestRecord, Status
from inferbench.simulator.server import server_process
from inferbench.simulator.server.identity import Served
from inferbench.simulator.server.server import SimulatorServer, whole
from inferbench.simulator.server.server_process import fetch_record, start_paced
from inferbench.workload.plan import PlannedRequest
from tests.support.simulator_servers import DIRECT, call

HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def server():
    with start_paced(ttft_ms=2, tpot_ms=1, model="paced") as running:
        yield running


def events(body: bytes) -> list:
    lines = body.decode().strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_completions_stream(server):
    fields = {"model": "paced", "prompt": [5] * 7, "max_tokens": 3, "stream": True}
    status, body = call(f"{server.url}/v1/completions", fields | {"stream_options": {"include_usage": True}})
    *tokens, last, usage = events(body)
    assert status == 200
    assert [t["choices"][0]["text"] for t in tokens] == [" token"] * 3
    assert (last["choices"][0]["text"], last["choices"][0]["finish_reason"]) == ("", "length")
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert {e["object"] for e in (*tokens, last, usage)} == {"text_completion"}
    assert len(events(call(f"{server.url}/v1/completions", fields)[1])) == 4  # usage only where it is asked for


def test_chat_stream_opens_with_the_role(server):
    body = {"model": "paced", "messages": HELLO, "max_completion_tokens": 2, "stream": True}
    first, *tokens, last = events(call(f"{server.url}/v1/chat/completions", body)[1])
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [t["choices"][0]["delta"] for t in tokens] == [{"content": " token"}] * 2
    assert last["choices"][0]["finish_reason"] == "length"
    assert {e["object"] for e in (first, *tokens, last)} == {"chat.completion.chunk"}


@pytest.mark.parametrize(
    ("path", "prompt", "found"),
    [
        ("/v1/completions", {"prompt": "one two three"}, lambda c: c["text"]),
        ("/v1/chat/completions", {"messages": [*HELLO, {"role": "x"}]}, lambda c: c["message"]["content"]),
    ],
)
def test_whole_answers(server, path, prompt, found):
    status, body = call(server.url + path, {"model": "paced", "max_tokens": 4, **prompt})
    answer = json.loads(body)
    words = 3 if "prompt" in prompt else 2
    assert status == 200
    assert found(answer["choices"][0]) == " token" * 4
    assert answer["usage"] == {"prompt_tokens": words, "completion_tokens": 4, "total_tokens": words + 4}


GOOD = {"model": "paced", "prompt": "hi"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/completions", b"{", 400),
        ("/v1/completions", b"[]", 400),
        ("/v1/completions", {"prompt": "hi"}, 404),
        ("/v1/completions", GOOD | {"model": "other"}, 404),
        ("/v1/completions", {"model": "paced"}, 422),
        ("/v1/completions", GOOD | {"prompt": ""}, 422),
        ("/v1/completions", GOOD | {"prompt": []}, 422),
        ("/v1/completions", GOOD | {"prompt": ["a"]}, 422),
        ("/v1/completions", GOOD | {"prompt": [True]}, 422),
        ("/v1/completions", GOOD | {"max_tokens": 0}, 422),
        ("/v1/completions", GOOD | {"max_tokens": "5"}, 422),
        ("/v1/completions", GOOD | {"max_tokens": True}, 422),
        ("/v1/completions", GOOD | {"max_completion_tokens": 0, "max_tokens": 5}, 422),
        ("/v1/completions", GOOD | {"n": 2}, 422),
        ("/v1/completions", GOOD | {"seed": "x"}, 422),
        ("/v1/chat/completions", GOOD, 422),
        ("/v1/chat/completions", {"model": "paced", "messages": [1]}, 422),
        ("/v1/other", GOOD, 404),
        ("/v1/models", GOOD, 405),
        ("/v1/completions", None, 405),
    ],
)
def test_bad_requests(server, path, body, status):
    got, answer = call(server.url + path, **({"raw": body} if isinstance(body, bytes) else {"body": body}))
    assert got == status
    assert json.loads(answer)["error"]["message"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", 200),
        (b"GET /health HTTP/1.0\r\n\r\n", 505),
        (b"\r\n\r\n", 505),
        (b"rubbish\r\n\r\n", 505),
        (b"POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /v1/completions HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /v1/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
    ],
)
def test_bad_http(server, head, status):
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=20) as s:
        s.sendall(head)
        assert s.recv(100).startswith(b"HTTP/1.1 %d " % status)


def test_requests_in_pieces_and_in_one_piece(server):
    """A request may come byte by byte, and the next before the answer; both are answered in order."""
    one = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /nowhere HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=20) as s:
        for i in range(len(one)):
            s.sendall(one[i : i + 1])
        s.sendall(two + one)
        got = b""
        while got.count(b"HTTP/1.1 ") < 3 or not got.endswith(b"{}"):
            got += s.recv(1000)
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"404", b"200"]


def test_control_endpoints(server):
    assert call(f"{server.url}/health")[0] == 200
    (model,) = json.loads(call(f"{server.url}/v1/models")[1])["data"]
    assert (model["id"], model["owned_by"]) == ("paced", "inferbench")
    assert json.loads(call(f"{server.url}/server_info")[1])["version"]


def test_record_keeps_the_pace():
    with start_paced(ttft_ms=20, tpot_ms=4, model="m") as server:
        call(f"{server.url}/v1/completions", {"model": "m", "prompt": [1] * 9, "max_tokens": 5, "stream": True})
        call(f"{server.url}/v1/completions", {"model": "m", "prompt": "a b", "max_tokens": 1})
        first, second = fetch_record(server.url)
    assert (first.seq, first.prompt_tokens, first.tokens) == (0, 9, 5)
    assert first.first_token_ns - first.arrival_ns >= 20_000_000
    # However late a machine sends the first token, each is due by the arrival, and none leaves before it is due.
    assert first.last_token_ns - first.arrival_ns >= 20_000_000 + 4 * 4_000_000
    assert (second.seq, second.prompt_tokens, second.tokens) == (1, 2, 1)
    assert second.first_token_ns == second.last_token_ns > first.last_token_ns


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_server_cleanly_with_streams_open(number):
    command = [sys.executable, "-m", "inferbench.simulator.server", "--ttft-ms", "1", "--tpot-ms", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        url = json.loads(process.stdout.readline())["url"]
        body = json.dumps({"model": "paced", "prompt": "a", "max_tokens": 9, "stream": True}).encode()
        with DIRECT.open(urllib.request.Request(f"{url}/v1/completions", body), timeout=20) as answer:
            assert b"token" in answer.readline()
            process.send_signal(number)
            assert b"cancelled" in answer.read()
        assert process.wait(20) == 0
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def test_address_in_use_is_one_line(server):
    port = server.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "inferbench.simulator.server", "--port", port]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr.decode()


def test_child_that_dies_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EndpointError, match="did not start"), server_process.start_paced(1, 1, "m"):
        pass


class Failing(InProcessTarget):
    """A target that sends a chunk of two tokens and then fails."""

    def __init__(self, clock, on_chunk):
        self._on_chunk = on_chunk

    def submit(self, request: PlannedRequest, slot_free_ns, done):
        self._on_chunk(request.seq, 2)
        plan = CountSource.PLAN
        done(RequestRecord(request.seq, Status.ERROR, "out of KV", 1, plan, 2, plan, None, 0, None, 0, 0, None, 0))

    def cancel(self):
        pass


@pytest.mark.parametrize("stream", [True, False])
def test_target_that_fails(stream):
    async def work():
        listener = await asyncio.get_running_loop().create_server(
            SimulatorServer(whole(Failing), Served("m")).connection, "127.0.0.1", 0
        )
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1/completions"
        answer = await asyncio.to_thread(call, url, {"model": "m", "prompt": "a", "stream": stream})
        listener.close()
        return answer

    status, body = asyncio.run(work())
    assert status == (200 if stream else 500)
    assert b"out of KV" in body
    assert (b" token token" in body) is stream
