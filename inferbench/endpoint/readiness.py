"""What happens before the load: is the endpoint up, what is it, and does it serve the model?"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from inferbench.endpoint.control_requests import FAILURES, Asker, ControlReply, asking, why_no_answer
from inferbench.endpoint.fingerprint import TargetIdentity
from inferbench.errors import EndpointError
from inferbench.files.spelling import unknown
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.outcome import one_line

POLL_S = 0.2
"""Pause between two tries while an endpoint is not ready, s."""

VERSION_PATHS = ("/version", "/server_info", "/get_server_info")
"""Where vLLM, and SGLang under its new and old name, tell their version."""

LOG = logging.getLogger(__name__)


async def probe(endpoint: Endpoint, timeout_s: float) -> TargetIdentity:
    """Wait until an endpoint answers, for `timeout_s` at most, and say what it is and which model will be asked for.

    A server that does not list its models is taken at the user's word, with a warning in the log. Raises
    EndpointError where the endpoint stays down, refuses, or does not serve the model.
    """
    async with asking(endpoint) as asker:
        answer = await when_ready(asker, endpoint.base_url, "/v1/models", timeout_s)
        served = served_models(answer.json) if answer.ok else {}
        if answer.status in (401, 403):
            raise EndpointError(f"{endpoint.base_url} refuses access (HTTP {answer.status}): check the API key")
        if not served:
            LOG.warning("%s does not list its models (HTTP %d)", endpoint.url("/v1/models"), answer.status)
        model = _choose(endpoint, list(served))
        return TargetIdentity(
            kind="http",
            engine=served.get(model),
            engine_version=await _version(asker),
            model=model,
            base_url=endpoint.base_url,
        )


async def when_ready(asker: Asker, name: str, path: str, timeout_s: float) -> ControlReply:
    """Ask for a path until there is an answer. One that is still a 5xx at the end counts as one.

    Raises EndpointError, which calls the server `name`, where there is none.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        try:
            answer = await asker.get(path)
            if answer.status < 500 or loop.time() >= deadline:
                return answer
        except FAILURES as error:
            if _is_certificate(error) or loop.time() >= deadline:
                waited = f" (waited {timeout_s:g} s)" if timeout_s else ""
                raise EndpointError(f"{name} cannot be reached: {why_no_answer(error)}{waited}") from None
        await asyncio.sleep(POLL_S)


async def _version(asker: Asker) -> str | None:
    """The engine's version, where it tells."""
    for path in VERSION_PATHS:
        try:
            answer = await asker.get(path)
        except FAILURES:
            return None
        version = answer.json.get("version")
        if answer.ok and isinstance(version, str):
            return one_line(version)
    return None


def served_models(listing: Mapping[str, Any]) -> dict[str, str | None]:
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
