"""`/v1/loads`: what a router asks for, as JSON or as Prometheus text, in the fields of SGLang 0.5.23 (v1_loads.py)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from inferbench.simulator.server.backend import ServingBackend
from inferbench.simulator.server.identity import Served
from inferbench.simulator.server.metrics.counters import Monitor

_SECTIONS = {"disaggregation": "disagg"}
"""Sections whose name in the text differs from that in JSON."""


def load_of(served: Served, monitor: Monitor, backend: ServingBackend) -> dict[str, Any]:
    """The load of a server, which is its only data-parallel rank."""
    queues = backend.queues()
    room = served.kv_tokens
    return {
        "timestamp": time.time(),
        "dp_rank": 0,
        "num_running_reqs": monitor.running,
        "num_waiting_reqs": monitor.waiting,
        "num_used_tokens": monitor.context_tokens,
        "num_total_tokens": monitor.context_tokens,
        "max_total_num_tokens": room or 0,
        "token_usage": monitor.context_tokens / room if room else 0.0,
        "gen_throughput": monitor.tokens_per_second(),
        "cache_hit_rate": 0.0,
        "disaggregation": {
            "mode": served.disaggregation_mode,
            **{name.removeprefix("num_"): number for name, number in queues.items()},
        },
        "queues": {"waiting": monitor.waiting - sum(queues.values())},
    }


def loads_text(load: Mapping[str, Any]) -> str:
    """The numbers of a load, as SGLang writes them with `format=prometheus`."""
    lines = []
    for key, value in load.items():
        section = value if isinstance(value, Mapping) else {"": value}
        for name, number in section.items():
            parts = (_SECTIONS.get(key, key), name) if name else (key,)
            if isinstance(number, (int, float)) and key != "dp_rank":
                full = f"sglang_{'_'.join(parts)}"
                lines += [f"# TYPE {full} gauge", f'{full}{{dp_rank="{load["dp_rank"]}"}} {number}']
    return "\n".join(lines) + "\n"
