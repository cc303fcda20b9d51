"""`inferbench twin serve`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from inferbench.cli.options import shared
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.scenario.scenario import Scenario
from inferbench.simulator.server.faults.fault_rules import FORMS, Faults, parse_faults, slowed
from inferbench.simulator.server.identity import ServerRole
from inferbench.simulator.server.protocol.request_body import DEFAULT_BOOTSTRAP_PORT
from inferbench.units import NS_PER_MS


def serve(
    scenario: Annotated[
        str | None, typer.Argument(help="Scenario whose deployment is simulated; none: a fixed pace.")
    ] = None,
    deployment: Annotated[str | None, typer.Option(help="Which deployment of the scenario.")] = None,
    topology: Annotated[str | None, typer.Option(help="Which of its topologies; the first by default.")] = None,
    role: Annotated[ServerRole, typer.Option(help="The whole deployment, or one of its workers behind a router.")] = (
        ServerRole.BOTH
    ),
    bootstrap_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Prefill worker: where decode workers meet it; 0: any free port.")
    ] = DEFAULT_BOOTSTRAP_PORT,
    time_scale: Annotated[float, typer.Option(min=1e-3, max=1e3, help="Real seconds for one second of the twin.")] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:ARGS", help=f"Go wrong: {', '.join(FORMS.values())}. Can be repeated."),
    ] = None,
    ttft_ms: Annotated[float, typer.Option(min=0, help="Fixed pace: time to the first token.")] = 200,
    tpot_ms: Annotated[float, typer.Option(min=0.1, help="Fixed pace: time between tokens.")] = 50,
    host: shared.ListenOn = shared.DEFAULT_HOST,
    port: shared.AnyPort = 8000,
) -> None:
    """Put the twin, or a fixed pace, on the wire in real time, as an endpoint that speaks as SGLang does.

    Ctrl-C ends it.
    """
    from inferbench.loadgen.port import Clock, Target
    from inferbench.simulator.engine.streaming import OnChunk
    from inferbench.simulator.server.fixed_pace import FixedPace
    from inferbench.simulator.server.identity import Served
    from inferbench.simulator.server.server import serve as serve_backend
    from inferbench.simulator.server.server import whole

    faults = parse_faults(fault or [])
    _check(scenario, role, faults)
    if scenario is None:

        def make(clock: Clock, on_chunk: OnChunk) -> Target:
            return FixedPace(int(ttft_ms * NS_PER_MS), int(tpot_ms * NS_PER_MS), clock, on_chunk, grain_ns=NS_PER_MS)

        serve_backend(whole(make), Served("paced"), host, port, _announce, time_scale, faults)
        return
    from inferbench.catalog.bundled import gpus, models
    from inferbench.scenario.read_scenario import load_scenario
    from inferbench.simulator.engine.build import cluster_of
    from inferbench.simulator.server.deployment import backend_of, served_of
    from inferbench.simulator.server.roles.bootstrap import listen

    spec = load_scenario(scenario)
    chosen, shape = _choose(spec, deployment, topology)
    model = models()[spec.model]
    cluster = slowed(cluster_of(model, gpus()[chosen.gpu], chosen, shape), faults)
    listener = listen(host, bootstrap_port) if role is ServerRole.PREFILL else None
    meeting_port = None if listener is None else listener.getsockname()[1]
    served = served_of(model, chosen, shape, role, cluster, meeting_port)
    backend = backend_of(model, chosen, shape, role, cluster, time_scale, listener)
    announce = partial(_announce, bootstrap_port=meeting_port)
    serve_backend(backend, served, host, port, announce, time_scale, faults)


def _check(scenario: str | None, role: ServerRole, faults: Faults) -> None:
    """Refuse what a server of this kind cannot be or do."""
    if scenario is None and role is not ServerRole.BOTH:
        raise UsageError(f"--role {role}: a fixed pace has no workers; name a scenario")
    if faults.slow_kv is not None and (scenario is None or role is ServerRole.DECODE):
        raise UsageError("--fault slow-kv: the prefill worker of a scenario moves KV caches; give it to that one")
    if faults.dead_after_s is not None and role is ServerRole.PREFILL:
        raise UsageError("--fault dead-decode: this is a prefill worker; give it to a decode worker")


def _choose(spec: Scenario, deployment: str | None, topology: str | None) -> tuple[Deployment, Topology]:
    names = [d.name for d in spec.deployments]
    if deployment not in names:
        raise UsageError(f"--deployment: {unknown('deployment', deployment or '', names)}")
    chosen = spec.deployment(deployment)
    shapes = [t.name for t in chosen.topologies]
    if topology is not None and topology not in shapes:
        raise UsageError(f"--topology: {unknown('topology', topology, shapes)}")
    return chosen, chosen.topology(topology or shapes[0])


def _announce(url: str, bootstrap_port: int | None = None) -> None:
    meeting = "" if bootstrap_port is None else f", bootstrap port {bootstrap_port}"
    print(f"serving at {url}{meeting}; Ctrl-C ends it", flush=True)
