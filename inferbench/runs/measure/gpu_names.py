"""Which GPUs stand in a deployment, by the exporters and tools that a load is watched with: asked once, before it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from inferbench.catalog.bundled import gpus
from inferbench.errors import EndpointError
from inferbench.runs.measure.monitored_deployment import WhatToWatch
from inferbench.telemetry.exporters.exposition import ACCEPT, read_exposition
from inferbench.telemetry.gpu_tools import Tool
from inferbench.telemetry.scrape import Scraper

LABELS = ("modelName", "card_model", "card_series")
"""Under which exporters name a GPU: DCGM's, and AMD's."""
TOOL_S = 10.0
"""Longest that a tool may take, s."""
COMMANDS: Mapping[Tool, tuple[str, ...]] = {
    "nvidia-smi": ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
    "amd-smi": ("amd-smi", "static", "--asic", "--json"),
}
"""How each tool is asked for names."""


def known_gpus(names: Iterable[str]) -> tuple[str, ...]:
    """GPUs by the names that are known here, each once; what no known name is a word of is left out."""
    words = (re.split(r"[^a-z0-9]+", name.lower()) for name in names)
    return tuple(dict.fromkeys(gpu for told in words for gpu in gpus() if gpu in told))


async def gpus_seen(what: WhatToWatch) -> tuple[str, ...]:
    """Ask every GPU exporter and tool what its GPUs are. One that does not say is passed over: the watcher tells."""
    async with Scraper() as scraper:
        pages = (_exporter(scraper, url) for url in what.gpu_urls)
        tools = (_tool(gpus.tool, gpus.prefix) for gpus in what.gpus)
        found = await asyncio.gather(*pages, *tools)
    return known_gpus(name for names in found for name in names)


async def _exporter(scraper: Scraper, url: str) -> list[str]:
    with contextlib.suppress(EndpointError):
        samples = read_exposition(await scraper.fetch(url, {"Accept": ACCEPT}), url)
        return [sample.labels[label] for sample in samples for label in LABELS if label in sample.labels]
    return []


async def _tool(tool: Tool, prefix: Sequence[str]) -> list[str]:
    with contextlib.suppress(OSError):
        process = await asyncio.create_subprocess_exec(
            *prefix, *COMMANDS[tool], stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            out, _ = await asyncio.wait_for(process.communicate(), TOOL_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            return []
        with contextlib.suppress(ValueError):
            return list(_NAMES[tool](out.decode(errors="replace")))
    return []


def _of_nvidia(text: str) -> Iterator[str]:
    """A name a line, after whatever a tool's wrapper printed."""
    yield from text.splitlines()


def _of_amd(text: str) -> Iterator[str]:
    """`market_name` of every object in the JSON, which versions nest differently. Raises ValueError for no JSON."""
    waiting: list[Any] = [json.loads(text)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if isinstance(name := value.get("market_name"), str):
                yield name
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


_NAMES: Mapping[Tool, Callable[[str], Iterator[str]]] = {"nvidia-smi": _of_nvidia, "amd-smi": _of_amd}
