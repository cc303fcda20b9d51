"""The rows of an entry of InferenceX's master configuration as a deployment, by the recipes of measured points."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from inferbench.evidence.points_csv import Point, Workers
from inferbench.files.spelling import unknown
from inferbench.formats.inferencex import names
from inferbench.formats.inferencex.master_config import MasterEntry, MasterRow, MasterShape, MasterWorkers
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.launch import Launch, RoleTokens
from inferbench.simulator.calibration.configuration import configurations, deployment_of

FRAMEWORKS = {
    "sglang-disagg": "sglang",
    "sglang": "sglang",
    "dynamo-sglang": "dynamo-sglang",
    "dynamo-trt": "dynamo-trtllm",
    "trt": "trtllm",
    "atom": "atom",
}
TRANSFERS = {"mori": "mori-io", "mooncake": "mooncake", "nixl": "nixl"}
MORI_ROWS = RoleTokens(prefill=32768, decode=2703)
"""SGLANG_MORI_MOE_MAX_INPUT_TOKENS of InferenceX's server_sglang.sh."""
Made = tuple[Deployment, Topology]


def master_deployment(
    name: str, entry: MasterEntry, shape: MasterShape, day: datetime.date, source: str
) -> tuple[Deployment, tuple[str, ...]]:
    """Return what an entry deploys for a shape, and what was assumed.

    day: when its software is of. Raises ValueError, with the reason, for a row that a scenario cannot describe.
    """
    if entry.framework not in FRAMEWORKS:
        raise ValueError(f"framework {entry.framework} is not one that scenarios describe")
    found: list[Made] = []
    notes: dict[str, None] = {}
    for row in shape.search_space:
        if row.spec_decoding == "draft_model":
            raise ValueError("it speculates with a draft model; scenarios describe multi-token prediction only")
        made, assumed = _row(entry, shape, row, day)
        found += made
        notes |= dict.fromkeys(assumed)
    first = found[0][0]
    stack = first.stack.model_copy(
        update={
            "kv_transfer": _transfer(entry, first),
            "two_batch_overlap": any(d.stack.two_batch_overlap for d, _ in found),
        }
    )
    deployment = first.model_copy(
        update={
            "name": name,
            "stack": stack,
            "topologies": _topologies([topology for _, topology in found]),
            "launch": _launch(entry, stack.two_batch_overlap),
            "source": source,
        }
    )
    return Deployment.model_validate(deployment.model_dump()), tuple(notes)


def _row(entry: MasterEntry, shape: MasterShape, row: MasterRow, day: datetime.date) -> tuple[list[Made], list[str]]:
    """One deployment of one topology for each concurrency, by the same recipes as measured points."""
    points = [_point(entry, shape, row, concurrency, day) for concurrency in row.concurrencies]
    found, reasons = configurations(points)
    if reasons:
        raise ValueError(next(iter(reasons.values())))
    made, notes = [], []
    for configuration in found:
        deployment, topology = deployment_of(configuration)
        guesses = [name for name in configuration.recipe.guesses if name != "mtp" or row.mtp is None]
        notes += [f"{'draft depth' if name == 'mtp' else name.replace('_', ' ')} is a guess" for name in guesses]
        changes: dict[str, Any] = {}
        if row.mtp is not None:
            changes["mtp"] = row.mtp
        if row.batch is not None:
            ranks = topology.decode.gpus if topology.decode.dp_attention else 1
            changes["decode"] = topology.decode.model_copy(update={"max_running": row.batch * ranks})
        made.append((deployment, topology.model_copy(update=changes)))
    return made, notes


def _point(entry: MasterEntry, shape: MasterShape, row: MasterRow, concurrency: int, day: datetime.date) -> Point:
    decode = _workers(row.workers)
    prefill = _workers(row.prefill) if row.prefill is not None else None
    return Point(
        line=concurrency,
        hw=names.gpu(entry.runner.removeprefix("cluster:")),
        framework=FRAMEWORKS[entry.framework],
        precision=entry.precision,
        disaggregated=entry.disagg,
        mtp=row.spec_decoding == "mtp",
        isl=shape.isl,
        osl=shape.osl,
        concurrency=concurrency,
        prefill=prefill,
        decode=decode,
        gpus=decode.workers * decode.gpus + (prefill.workers * prefill.gpus if prefill else 0),
        date=day,
        kind="configuration",
        tpot_s=None,
        tokens_s_gpu=None,
        ttft_s=None,
    )


def _workers(given: MasterWorkers) -> Workers:
    if given.pp > 1:
        raise ValueError(f"pp {given.pp}: scenarios do not describe pipeline parallelism")
    return Workers(given.num_worker, given.gpus, given.tp, given.ep, given.dp_attn)


def _transfer(entry: MasterEntry, deployment: Deployment) -> str | None:
    if entry.kv_p2p_transfer is None:
        return deployment.stack.kv_transfer
    if entry.kv_p2p_transfer not in TRANSFERS:
        raise ValueError(unknown("kv-p2p-transfer", entry.kv_p2p_transfer, TRANSFERS))
    return TRANSFERS[entry.kv_p2p_transfer]


def _topologies(found: Sequence[Topology]) -> tuple[Topology, ...]:
    """Topologies that differ only in their load are one; each gets a name that says what it is."""
    loads: dict[str, tuple[Topology, set[int]]] = {}
    for topology in found:
        key = topology.model_copy(update={"concurrency": (1,)}).model_dump_json()
        loads.setdefault(key, (topology, set()))[1].update(topology.concurrency)
    merged = [t.model_copy(update={"concurrency": tuple(sorted(loads))}) for t, loads in loads.values()]
    alike: dict[str, list[Topology]] = {}
    for topology in merged:
        alike.setdefault(_name(topology), []).append(topology)
    return tuple(
        topology.model_copy(update={"name": name + suffix})
        for name, same in alike.items()
        for topology, suffix in zip(same, _suffixes(same), strict=True)
    )


def _name(topology: Topology) -> str:
    """As people speak of topologies: `1p2d-tp8`, `1p1d-tp4-dep8`, and `1x-tp8` where the same workers do both."""
    sizes = [f"{_kind(group.ep, group.dp_attention)}{group.gpus}" for group in topology.groups]
    apart = len(topology.groups) > 1
    counts = [f"{group.workers}{role}" for group, role in zip(topology.groups, "pd" if apart else "x", strict=True)]
    return "-".join(["".join(counts), *dict.fromkeys(sizes)])


def _suffixes(same: Sequence[Topology]) -> list[str]:
    """What tells topologies of one name apart: draft depth, running requests, both, or their number."""
    depths = [f"-mtp{topology.mtp}" for topology in same]
    running = [f"-b{topology.decode.max_running}" for topology in same]
    both = [depth + batch for depth, batch in zip(depths, running, strict=True)]
    numbers = [f"-{number}" for number in range(1, len(same) + 1)]
    candidates = ([""] * len(same), depths, running, both, numbers)
    return next(found for found in candidates if len(set(found)) == len(same))


def _kind(ep: int, dp_attention: bool) -> str:
    return "dep" if dp_attention else "tep" if ep > 1 else "tp"


def _launch(entry: MasterEntry, overlap: bool) -> Launch:
    """As its scripts launch it: without prefix cache, and on AMD's disaggregated runs with balanced random routing."""
    mori = entry.framework == "sglang-disagg"
    return Launch(
        engine_version=entry.engine_version,
        image=entry.image,
        weights=entry.model,
        router_version=entry.router.version if entry.router else None,
        sdma=mori and overlap,
        prefill_combine="fp8-direct" if mori and overlap else None,
        random_routing=mori,
        moe_rows=MORI_ROWS if mori else RoleTokens(),
        prefix_cache=False,
    )
