"""`inferbench twin`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..domain.errors import UsageError
from ..domain.names import unknown
from ..domain.units import NS_PER_MS
from . import twin_calibrate, twin_search, twin_validate

app = typer.Typer(help="The simulated deployment.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """The simulated deployment."""


app.command("calibrate")(twin_calibrate.calibrate)
app.command("validate")(twin_validate.validate)
app.command("search")(twin_search.search)


@app.command()
def serve(
    scenario: Annotated[
        str | None, typer.Argument(help="Scenario whose deployment is simulated; none: a fixed pace.")
    ] = None,
    deployment: Annotated[str | None, typer.Option(help="Which deployment of the scenario.")] = None,
    topology: Annotated[str | None, typer.Option(help="Which of its topologies; the first by default.")] = None,
    ttft_ms: Annotated[float, typer.Option(min=0, help="Fixed pace: time to the first token.")] = 200,
    tpot_ms: Annotated[float, typer.Option(min=0.1, help="Fixed pace: time between tokens.")] = 50,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8000,
) -> None:
    """Put the twin, or a fixed pace, on the wire in real time, as an OpenAI-compatible endpoint.

    Ctrl-C ends it.
    """
    from ..loadgen.port import Clock, Target
    from ..twin.pace import FixedPace
    from ..twin.streaming import OnChunk
    from ..twin.wire.server import serve as serve_target

    if scenario is None:

        def make(clock: Clock, on_chunk: OnChunk) -> Target:
            return FixedPace(int(ttft_ms * NS_PER_MS), int(tpot_ms * NS_PER_MS), clock, on_chunk, grain_ns=NS_PER_MS)

        serve_target(make, "paced", host, port, _announce)
        return
    from ..api.catalogue import gpus, load_scenario, models
    from ..twin.build import build_twin

    spec = load_scenario(scenario)
    names = [d.name for d in spec.deployments]
    if deployment not in names:
        raise UsageError(f"--deployment: {unknown('deployment', deployment or '', names)}")
    chosen = spec.deployment(deployment)
    shapes = [t.name for t in chosen.topologies]
    if topology is not None and topology not in shapes:
        raise UsageError(f"--topology: {unknown('topology', topology, shapes)}")
    shape = chosen.topology(topology or shapes[0])
    model = models()[spec.model]

    def simulate(clock: Clock, on_chunk: OnChunk) -> Target:
        return build_twin(model, gpus()[chosen.gpu], chosen, shape, clock, on_chunk)

    serve_target(simulate, model.hugging_face_id, host, port, _announce)


def _announce(url: str) -> None:
    print(f"serving at {url}; Ctrl-C ends it", flush=True)
