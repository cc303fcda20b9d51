"""Emptying a server's prefix cache."""

from __future__ import annotations

import aiohttp

from .endpoint import Endpoint

PATHS = ("/flush_cache", "/reset_prefix_cache")
"""Where SGLang and vLLM have it."""
TIMEOUT_S = 30


async def flush_cache(endpoint: Endpoint) -> str | None:
    """Ask a server to empty its prefix cache; return the path that did it, None where the server has none.

    A run without it is a good run, as long as no prompt was sent before, so that nothing is raised.
    """
    headers = dict(endpoint.header_lines())
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    tls = endpoint.tls_context() or True
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        for path in PATHS:
            try:
                async with session.post(endpoint.url(path), ssl=tls, allow_redirects=False) as answer:
                    if answer.status == 200:
                        return path
            except (aiohttp.ClientError, OSError, TimeoutError):
                return None
    return None
