"""Asking a server about itself, apart from any load."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from inferbench.endpoint.bounded_reads import PLAIN, read_bounded
from inferbench.loadgen.http.dial import why_not
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.loadgen.http.outcome import one_line
from inferbench.secrets.redact import excerpt, redact_json

ANSWER_TIMEOUT_S = 30
"""Longest that one control request may take, s."""

FAILURES = (aiohttp.ClientError, OSError, TimeoutError)
"""What a control request that got no answer raises."""


@dataclass(frozen=True)
class ControlReply:
    """A control request's answer."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server did as asked."""
        return self.status == 200

    @property
    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object, without secrets; empty where it is none, or nested deeper than anything means."""
        try:
            value = orjson.loads(self.body)
            return redact_json(value) if isinstance(value, dict) else {}
        except (orjson.JSONDecodeError, RecursionError):
            return {}

    @property
    def text(self) -> str:
        """The beginning of the body in one line, without secrets."""
        return excerpt(self.body, 200)


class Asker:
    """Sends control requests to one server."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint

    async def get(self, path: str) -> ControlReply:
        """GET a path. Raises one of FAILURES where no answer comes."""
        return await self._ask("GET", path)

    async def post(self, path: str) -> ControlReply:
        """POST nothing to a path. Raises one of FAILURES where no answer comes."""
        return await self._ask("POST", path)

    async def _ask(self, method: str, path: str) -> ControlReply:
        async with self._session.request(method, self._endpoint.url(path), allow_redirects=False) as response:
            return ControlReply(response.status, await read_bounded(response))


@asynccontextmanager
async def asking(endpoint: Endpoint) -> AsyncIterator[Asker]:
    """Open what control requests to a server go over."""
    async with aiohttp.ClientSession(
        headers=PLAIN | dict(endpoint.header_lines()),
        auto_decompress=False,
        connector=aiohttp.TCPConnector(ssl=endpoint.tls_context() or True),
        timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S),
    ) as session:
        yield Asker(session, endpoint)


def why_no_answer(error: Exception) -> str:
    """Say why no answer came; aiohttp wraps what the operating system said."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(cause, TimeoutError) and not str(cause):
        return f"no answer within {ANSWER_TIMEOUT_S} s"
    return one_line(why_not(cause) if isinstance(cause, OSError) else str(cause) or type(cause).__name__)
