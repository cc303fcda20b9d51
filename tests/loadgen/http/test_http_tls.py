"""HTTPS on the hot path, with a certificate made for the occasion."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess

import pytest

from inferbench.endpoint.readiness import probe
from inferbench.errors import EndpointError
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.records.request_record import Status
from tests.support.raw_server import (
    CHUNKED,
    DONE,
    GOOD,
    LOOPS,
    Client,
    always,
    chunked,
    client,
    make_load,
    raw_server,
    run,
    text,
)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


def certificate(folder, name: str) -> ssl.SSLContext:
    """Make a certificate that is its own authority, and the settings of a server that uses it."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    kind = ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    out = ["-keyout", key, "-out", cert, "-addext", f"subjectAltName={name}"]
    subprocess.run(["openssl", *kind, *curve, *out], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def loopback(folder):
    return certificate(folder, "IP:127.0.0.1")


@pytest.fixture
def trusted(loopback, folder, monkeypatch):
    """The system trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "IP:127.0.0.1.pem"))
    return loopback


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_requests_over_tls(trusted, loop_factory):
    async def work():
        async with raw_server(always(GOOD), trusted) as server, client(server.url, make_load(6), 2) as c:
            for seq in range(0, 6, 2):
                c.send(seq, seq + 1)
                await c.ended(seq + 2)
            return server.connections, list(c.records)

    connections, records = run(work(), loop_factory)
    assert connections == 2
    assert [(r.status, r.osl, r.connect_ns) for r in records] == [(Status.OK, 3, None)] * 6
    assert all(r.slot_free_ns <= r.sent_ns <= r.first_byte_ns <= r.end_ns for r in records)


def test_large_request_over_tls_is_sent_whole(trusted):
    def prompt(_):
        return "x" * (1 << 24)

    async def work():
        async with raw_server(always(GOOD), trusted) as server, client(server.url, make_prompt=prompt) as c:
            c.send(0)
            await c.ended(1)
            return c.records[0], server.bodies[0].count(prompt(None).encode())

    record, found = run(work())
    assert (record.status, found) == (Status.OK, 1)
    assert record.sent_ns <= record.first_byte_ns


def test_answer_of_many_tls_records(trusted):
    words = [text(f"word{i}") for i in range(2000)]

    async def work():
        answer = always(CHUNKED + chunked(*words, DONE))
        async with raw_server(answer, trusted) as server, client(server.url) as c:
            c.send(0)
            return await c.ended(1)

    (record,) = run(work())
    assert (record.status, record.osl) == (Status.OK, 2000)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_untrusted_certificate_is_refused(loopback, loop_factory):
    async def work():
        async with raw_server(always(GOOD), loopback) as server, client(server.url, connections=0) as c:
            c.send(0)
            await c.ended(1)
            with pytest.raises(EndpointError, match="certificate not accepted"):
                await Client(server.url, make_load()).target.open(1)
            with pytest.raises(EndpointError, match="certificate not accepted"):
                await probe(Endpoint(server.url, "/v1/completions", "m"), 5)
            return c.records[0], server.bodies

    record, bodies = run(work(), loop_factory)
    assert record.status is Status.REFUSED
    assert record.error.startswith("certificate not accepted")
    assert bodies == []


def test_certificate_for_another_name_is_refused(folder, monkeypatch):
    other = certificate(folder, "DNS:elsewhere.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "DNS:elsewhere.test.pem"))

    async def work():
        async with raw_server(always(GOOD), other) as server, client(server.url, connections=0) as c:
            c.send(0)
            return await c.ended(1)

    (record,) = run(work())
    assert record.status is Status.REFUSED
    assert "127.0.0.1" in record.error


def test_the_check_can_be_turned_off(loopback):
    async def work():
        async with raw_server(always(GOOD), loopback) as server, client(server.url, verify_tls=False) as c:
            c.send(0)
            return await c.ended(1)

    assert run(work())[0].status is Status.OK


def test_tls_to_a_server_that_speaks_plain_http_is_refused():
    async def plain(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def work():
        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        async with client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections=0) as c:
            c.send(0)
            await c.ended(1)
        server.close()
        return c.records[0]

    record = run(work())
    assert record.status is Status.REFUSED
    assert "TLS failed" in record.error


@pytest.mark.parametrize(("works_s", "sent", "status"), [(0.0, 3, Status.OK), (0.2, 2, Status.ERROR)])
def test_over_tls_too_only_what_closes_at_once_is_sent_again(trusted, works_s, sent, status):
    async def closes_on_second(server, writer):
        if len(server.bodies) == 2:
            await asyncio.sleep(works_s)
            writer.close()
        else:
            writer.write(GOOD)

    async def work():
        async with raw_server(closes_on_second, trusted) as server, client(server.url, make_load(2)) as c:
            for seq in range(2):
                c.send(seq)
                await c.ended(seq + 1)
            return len(server.bodies), c.records[1]

    requests, record = run(work())
    assert (requests, record.status, record.attempts) == (sent, status, sent - 1)
