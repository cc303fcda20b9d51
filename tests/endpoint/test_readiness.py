"""Probing an endpoint before the load."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from aiohttp import web
from pydantic import SecretStr

from inferbench.endpoint.readiness import probe
from inferbench.errors import EndpointError
from inferbench.loadgen.http.endpoint import Endpoint
from tests.support.raw_server import run

MODELS = {"data": [{"id": "deepseek-r1", "owned_by": "sglang"}, {"id": "llama-3"}]}


def answering(status=200, body=MODELS, version=None):
    """A server that lists models so, and tells its version where it has one."""

    async def models(request):
        return web.json_response(body, status=status)

    async def tell(request):
        return web.json_response({"version": version})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    if version is not None:
        app.router.add_get("/server_info", tell)
    return app


def probe_app(app, model=None, timeout_s=0.0, **options):
    async def work():
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            port = runner.addresses[0][1]
            return await probe(Endpoint(f"http://127.0.0.1:{port}", "/v1/completions", model, **options), timeout_s)
        finally:
            await runner.cleanup()

    return run(work())


def test_identity():
    identity = probe_app(answering(version="0.5.23"), "deepseek-r1")
    assert (identity.kind, identity.model, identity.engine, identity.engine_version) == (
        "http",
        "deepseek-r1",
        "sglang",
        "0.5.23",
    )
    assert identity.base_url.startswith("http://127.0.0.1:")


def test_unknown_model_names_those_served_and_the_nearest():
    with pytest.raises(EndpointError, match="'deepseek-r2'; allowed: deepseek-r1, llama-3; did you mean 'deepseek-r1'"):
        probe_app(answering(), "deepseek-r2")


def test_the_only_model_is_taken():
    assert probe_app(answering(body={"data": [{"id": "only"}]})).model == "only"


@pytest.mark.parametrize(
    ("app", "says"),
    [
        (answering(), "serves deepseek-r1, llama-3: name one"),
        (answering(status=404), "does not list its models: name one"),
        (answering(status=401), "check the API key"),
        (answering(status=403), "check the API key"),
    ],
)
def test_no_model_can_be_chosen(app, says):
    with pytest.raises(EndpointError, match=says):
        probe_app(app)


@pytest.mark.parametrize("status", [404, 500])
@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": [1, {}]}, [1], "text"])
def test_server_that_does_not_list_its_models_is_tolerated_with_a_note(status, body, caplog):
    with caplog.at_level(logging.WARNING):
        assert probe_app(answering(status=status, body=body), "any").model == "any"
    assert "does not list its models" in caplog.text


def test_waits_until_the_server_is_ready():
    asked = 0

    async def models(request):
        nonlocal asked
        asked += 1
        return web.json_response(MODELS, status=200 if asked > 2 else 503)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    assert probe_app(app, "llama-3", timeout_s=30).model == "llama-3"
    assert asked == 3


def test_waits_until_the_port_is_open():
    async def work():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        probing = asyncio.create_task(probe(Endpoint(f"http://127.0.0.1:{port}", "/v1/completions"), 30))
        await asyncio.sleep(0.05)
        runner = web.AppRunner(answering(body={"data": [{"id": "late"}]}))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        identity = await probing
        await runner.cleanup()
        return identity

    assert run(work()).model == "late"


def test_endpoint_that_is_down():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}"
    with pytest.raises(EndpointError, match=f"{url} cannot be reached: Connection refused"):
        run(probe(Endpoint(url, "/v1/completions"), 0))


def test_server_that_does_not_speak_http():
    async def work():
        async def banner(reader, writer):
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(banner, "127.0.0.1", 0)
        try:
            await probe(Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "/v1/completions"), 0)
        finally:
            server.close()

    with pytest.raises(EndpointError, match="cannot be reached"):
        run(work())


def test_the_api_key_goes_with_the_probe():
    async def models(request):
        good = request.headers.get("Authorization") == "Bearer sk-1"
        return web.json_response(MODELS, status=200 if good else 401)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    assert probe_app(app, "llama-3", api_key=SecretStr("sk-1")).model == "llama-3"
