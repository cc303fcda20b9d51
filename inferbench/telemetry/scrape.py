"""Fetching the metrics pages of servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from inferbench.endpoint.bounded_reads import PLAIN, UnreadableError, read_bounded
from inferbench.endpoint.control_requests import why_no_answer
from inferbench.errors import EndpointError
from inferbench.loadgen.http.outcome import one_line

PATHS = ("/metrics", "/prometheus/metrics", "/v1/loads?format=prometheus")
"""Where engines have their page. TensorRT-LLM's first path answers with JSON of another kind; SGLang has the last where
it was started without --enable-metrics."""
TIMEOUT_S = 5.0
"""Longest that one page may take, s."""


def pages(url: str) -> tuple[str, ...]:
    """Where the metrics of a server may be: at the URL itself where it has a path, else where engines have them."""
    return (url,) if urlsplit(url).path.strip("/") else tuple(url.rstrip("/") + path for path in PATHS)


class Scraper:
    """Connections that are kept open to the servers that are watched. To be used as an async context manager."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        # Plain answers are asked for: packing them would cost the server, which is being measured.
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        self._session = aiohttp.ClientSession(headers=PLAIN, auto_decompress=False, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def fetch(self, url: str, headers: Mapping[str, str], verify_tls: bool = True) -> str:
        """Fetch a page. Raises EndpointError, with one line that names the URL, where it cannot be had."""
        try:
            async with self._session.get(url, headers=headers, ssl=verify_tls, allow_redirects=False) as response:
                body = await read_bounded(response)
        except TimeoutError:
            raise EndpointError(f"{url} did not answer within {self._timeout_s:g} s") from None
        except UnreadableError as error:
            raise EndpointError(f"{url} cannot be read: {error}") from None
        except (aiohttp.ClientError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise EndpointError(f"{url} cannot be reached: {why_no_answer(error)}") from None
        if response.status != 200:
            to = response.headers.get("Location")
            leads = f", which leads to {one_line(to.partition('?')[0])}" if to is not None else ""
            raise EndpointError(f"{url} answers HTTP {response.status}{leads}")
        return body.decode("utf-8", "replace")
