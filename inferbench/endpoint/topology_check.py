"""Whether what runs at a site is the deployment and topology that a scenario says, and what of that nobody can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inferbench.endpoint.engine_identity import TWIN
from inferbench.endpoint.fingerprint import DeployedProcess, ProcessRole
from inferbench.endpoint.launch_arguments import engine_of, gpus_of, kv_precision_of, precision_of, told_flags
from inferbench.scenario.deployment import Deployment, Topology, WorkerGroup
from inferbench.scenario.launch_caveats import flags_of_command

ENGINES = {
    "sglang": ("sglang", "dynamo"),
    "dynamo-sglang": ("sglang", "dynamo"),
    "trtllm": ("tensorrt_llm", "dynamo"),
    "dynamo-trtllm": ("tensorrt_llm", "dynamo"),
    "vllm": ("vllm", "dynamo"),
    "atom": ("atom", "vllm", "sglang", "dynamo"),
}
"""What the processes of a scenario's framework may call themselves. ATOM also runs inside the other two."""


@dataclass(frozen=True)
class Seen:
    """What is known of a site beside its processes."""

    launch_command: str | None = None
    gpus: tuple[str, ...] = ()
    """GPUs that exporters and tools name, by the names that are known here."""


def unlike_topology(
    deployment: Deployment, topology: Topology, parts: Sequence[DeployedProcess], seen: Seen | None = None
) -> list[str]:
    """In what the processes that are known differ from a topology, as far as they tell; empty where nothing does."""
    seen = seen or Seen()
    serving = [part for part in parts if part.role is not ProcessRole.ROUTER]
    lines = [*_unlike_stack(deployment, serving), *_unlike_gpus(deployment, topology, serving, seen)]
    if any(part.role is not ProcessRole.ENGINE for part in serving):
        groups = ((ProcessRole.PREFILL, topology.prefill), (ProcessRole.DECODE, topology.decode))
        lines += [line for role, group in groups if group for line in _unlike_group(role, group, topology, serving)]
    elif serving:
        lines += _unlike_alone(topology, serving, seen.launch_command)
    return list(dict.fromkeys(lines))


def untold(
    deployment: Deployment, topology: Topology, parts: Sequence[DeployedProcess], seen: Seen | None = None
) -> str | None:
    """What nothing at a site says of the hardware, so that the scenario's word is taken; None where all is told."""
    seen = seen or Seen()
    serving = [(part, _flags(part, seen)) for part in parts if part.role is not ProcessRole.ROUTER]
    which = bool(seen.gpus) or (bool(serving) and all("twin_gpu" in flags for _, flags in serving))
    how_many = bool(serving) and all(gpus_of(flags) for _, flags in serving)
    how = bool(serving) and all(precision_of(part, flags) for part, flags in serving)
    said = []
    if not how_many or not which:
        what = "how many GPUs it runs on" if which else "which GPUs it runs on"
        more = "" if how_many or which else ", nor on how many"
        hardware = f"{topology.total_gpus} x {deployment.gpu}"
        said.append(f"nothing says {what}{more}: taken from the scenario, whose {hardware} stand in all figures")
    if not how:
        said.append(f"nothing says its precision: taken from the scenario, {deployment.precision}")
    return "; ".join(said) or None


def _flags(part: DeployedProcess, seen: Seen) -> Mapping[str, str]:
    """What a process tells of its launch; where one process is all there is, its command may say more."""
    command = flags_of_command(seen.launch_command or "")[0] if part.role is ProcessRole.ENGINE else {}
    return told_flags(part, command)


def _unlike_stack(deployment: Deployment, serving: Sequence[DeployedProcess]) -> Iterator[str]:
    """Other software than the scenario's: the engine, the precision of weights, that of the KV cache."""
    allowed = ENGINES[deployment.stack.framework]
    for part in serving:
        engine, flags = engine_of(part), told_flags(part)
        if engine is not None and engine not in allowed:
            yield f"framework {deployment.stack.framework} in the scenario, {engine} there"
        for what, expected, there in (
            ("precision", deployment.precision, precision_of(part, flags)),
            ("KV precision", deployment.kv_precision, kv_precision_of(flags)),
            ("framework", deployment.stack.framework, flags.get("twin_framework")),
        ):
            if there is not None and there != expected:
                yield f"{what} {expected} in the scenario, {there} there"


def _unlike_gpus(
    deployment: Deployment, topology: Topology, serving: Sequence[DeployedProcess], seen: Seen
) -> Iterator[str]:
    """Other GPUs than the scenario's, by what reads them, or by what our own twin says that it simulates."""
    for part in serving:
        flags = part.flags
        if "twin_gpu" not in flags:
            continue
        group = {ProcessRole.PREFILL: topology.prefill, ProcessRole.DECODE: topology.decode}.get(part.role)
        expected = (group.gpus if group else topology.total_gpus, deployment.gpu)
        there = (gpus_of(told_flags(part)), flags["twin_gpu"])
        if expected != there:
            yield f"{expected[0]} x {expected[1]} in the scenario, {there[0]} x {there[1]} there"
    for gpu in dict.fromkeys(seen.gpus):
        if gpu != deployment.gpu:
            yield f"{deployment.gpu} in the scenario, {gpu} there"


def _unlike_group(
    role: ProcessRole, group: WorkerGroup, topology: Topology, serving: Sequence[DeployedProcess]
) -> Iterator[str]:
    workers = [part for part in serving if part.role is role]
    if len(workers) != group.workers:
        yield f"{group.workers} {role} workers in the scenario, {len(workers)} there"
    yield from _unlike_flags(f"{role} ", [told_flags(part) for part in workers], group, topology,
                             streams=role is ProcessRole.DECODE)  # fmt: skip


def _unlike_flags(
    whose: str, told: Sequence[Mapping[str, str]], group: WorkerGroup, topology: Topology, *, streams: bool
) -> Iterator[str]:
    expected: dict[str, object] = {
        "tp_size": group.tp,
        "ep_size": group.ep,
        "enable_dp_attention": str(group.dp_attention).lower(),
        "speculative_num_steps": topology.mtp,
    }
    if streams:
        expected["stream_interval"] = topology.stream_interval
    for flag, value in expected.items():
        there = {flags[flag] for flags in told if flag in flags} - {str(value)}
        if there:
            yield f"{whose}{flag} {value} in the scenario, {', '.join(sorted(there))} there"


def _unlike_alone(topology: Topology, serving: Sequence[DeployedProcess], launch_command: str | None) -> Iterator[str]:
    """Engines that nothing stands before: each prefills and decodes, unless it says otherwise.

    A twin of a whole deployment stands for all of its workers, and describes itself by those that decode.
    """
    seen = Seen(launch_command)
    told = [_flags(part, seen) for part in serving]
    if any(part.engine == TWIN for part in serving):
        simulated = [flags for flags in told if "twin_gpu" in flags]
        yield from _unlike_flags("", simulated, topology.decode, topology, streams=True)
        return
    modes = {mode for flags in told if (mode := flags.get("disaggregation_mode"))}
    if topology.prefill is not None and "null" in modes:
        yield "prefill and decode workers apart in the scenario, one process for both there"
    for mode in sorted(modes - {"null"}):
        yield f"{_shape(topology)} in the scenario, a {mode} worker alone there"
    if topology.prefill is not None:
        return
    gpus = [gpus_of(flags) for flags in told]
    known = sum(n for n in gpus if n)
    if all(gpus) and known != topology.total_gpus:
        yield f"{topology.total_gpus} GPUs in the scenario, {known} there"
    yield from _unlike_flags("", [_of_ranks(flags, topology.decode) for flags in told], topology.decode, topology,
                             streams=True)  # fmt: skip


def _of_ranks(flags: Mapping[str, str], group: WorkerGroup) -> dict[str, str]:
    """Flags to hold against a group. Where DP ranks run attention, an engine other than SGLang calls none of it TP."""
    other = group.dp_attention and "enable_dp_attention" not in flags
    return {name: value for name, value in flags.items() if not (other and name == "tp_size")}


def _shape(topology: Topology) -> str:
    prefill = topology.prefill
    return f"{f'{prefill.workers} prefill + ' if prefill else ''}{topology.decode.workers} decode workers"
