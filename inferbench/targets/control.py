"""What happens before the load: is the endpoint up, what is it, and does it serve the model?"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from ..domain.errors import EndpointError
from ..domain.manifest import TargetIdentity
from ..domain.names import unknown
from .answer import one_line
from .dial import why_not
from .endpoint import Endpoint

POLL_S = 0.2
"""Pause between two tries while an endpoint is not ready, s."""

ANSWER_TIMEOUT_S = 30
"""Longest that one control request may take, s."""

VERSION_PATHS = ("/version", "/server_info", "/get_server_info")
"""Where vLLM, and SGLang under its new and old name, tell their version."""

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Answer:
    """A control request's answer."""

    status: int
    body: bytes

    @property
    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


async def probe(endpoint: Endpoint, timeout_s: float) -> TargetIdentity:
    """Wait until an endpoint answers, for `timeout_s` at most, and say what it is and which model will be asked for.

    A server that does not list its models is taken at the user's word, with a warning in the log. Raises
    EndpointError where the endpoint stays down, refuses, or does not serve the model.
    """
    async with aiohttp.ClientSession(
        headers=dict(endpoint.header_lines()),
        connector=aiohttp.TCPConnector(ssl=endpoint.tls_context() or True),
        timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S),
    ) as session:
        answer = await _when_ready(session, endpoint, timeout_s)
        served = _served(answer.json) if answer.status == 200 else {}
        if answer.status in (401, 403):
            raise EndpointError(f"{endpoint.base_url} refuses access (HTTP {answer.status}): check the API key")
        if not served:
            LOG.warning("%s does not list its models (HTTP %d)", endpoint.url("/v1/models"), answer.status)
        model = _choose(endpoint, list(served))
        return TargetIdentity(
            kind="http",
            engine=served.get(model),
            engine_version=await _version(session, endpoint),
            model=model,
            base_url=endpoint.base_url,
        )


async def _when_ready(session: aiohttp.ClientSession, endpoint: Endpoint, timeout_s: float) -> _Answer:
    """Ask for the list of models until there is an answer. One that is still a 5xx at the end counts as one."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        try:
            answer = await _get(session, endpoint, "/v1/models")
            if answer.status < 500 or loop.time() >= deadline:
                return answer
        except (aiohttp.ClientError, OSError) as error:
            if _is_certificate(error) or loop.time() >= deadline:
                waited = f" (waited {timeout_s:g} s)" if timeout_s else ""
                raise EndpointError(f"{endpoint.base_url} cannot be reached: {_why_not(error)}{waited}") from None
        await asyncio.sleep(POLL_S)


async def _get(session: aiohttp.ClientSession, endpoint: Endpoint, path: str) -> _Answer:
    async with session.get(endpoint.url(path), allow_redirects=False) as response:
        return _Answer(response.status, await response.read())


async def _version(session: aiohttp.ClientSession, endpoint: Endpoint) -> str | None:
    """The engine's version, where it tells."""
    for path in VERSION_PATHS:
        try:
            answer = await _get(session, endpoint, path)
        except (aiohttp.ClientError, OSError):
            return None
        version = answer.json.get("version")
        if answer.status == 200 and isinstance(version, str):
            return one_line(version)
    return None


def _served(listing: Mapping[str, Any]) -> dict[str, str | None]:
    """The models of an OpenAI model list, each with its `owned_by`, which engines set to their own name."""
    entries = listing.get("data")
    models = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return {str(m["id"]): str(m["owned_by"]) if m.get("owned_by") else None for m in models if "id" in m}


def _choose(endpoint: Endpoint, served: list[str]) -> str:
    if endpoint.model is None:
        if len(served) == 1:
            return served[0]
        choice = f"serves {', '.join(served)}" if served else "does not list its models"
        raise EndpointError(f"{endpoint.base_url} {choice}: name one")
    if served and endpoint.model not in served:
        raise EndpointError(f"{endpoint.base_url}: {unknown('model', endpoint.model, served)}")
    return endpoint.model


def _is_certificate(error: Exception) -> bool:
    return isinstance(error, (ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError))


def _why_not(error: Exception) -> str:
    """Say why; aiohttp wraps what the operating system said."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return one_line(why_not(cause) if isinstance(cause, OSError) else str(cause) or type(cause).__name__)
