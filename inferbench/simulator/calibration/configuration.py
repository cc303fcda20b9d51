"""A measured point as a deployment of the twin, and many of them evaluated at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inferbench.arrays import Floats
from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.errors import UsageError
from inferbench.evidence.points_csv import Point, Workers
from inferbench.scenario.deployment import Deployment, Stack, Topology, WorkerGroup
from inferbench.simulator.calibration.launch_recipes import Recipe, recipe_of
from inferbench.simulator.calibration.priors import PARENTS
from inferbench.simulator.calibration.software_dates import Days, settled_days, software_versions_between
from inferbench.simulator.engine.build import cluster_of
from inferbench.simulator.parameters.numbers import many
from inferbench.simulator.parameters.parameters import TwinParameters
from inferbench.simulator.parameters.software_versions import SoftwareName
from inferbench.simulator.steady_state.closed_loop import ClosedLoad, SteadyState
from inferbench.simulator.steady_state.disaggregated import steady_state

RANGE_RATIO = 0.8
"""Least length over nominal: InferenceX draws lengths uniformly from 0.8 to 1.0 of nominal."""
SETTINGS = {
    "mi": ("mori-io", "mori-ep", "fp4", "fp8-blockwise"),
    "sglang": ("nixl", "allgather", "fp4", "bf16"),
    "trtllm": ("nixl", "trtllm", "fp4", "fp8-direct"),
}
"""KV transfer, all-to-all library and formats on AMD, and by engine on NVIDIA: there the formats are those of the fit,
for want of published times, and no SGLang recipe names a library (NVIDIA/srt-slurm, Apache-2.0; SGLang's default is
none)."""
MORI_FP8 = ("mori-io", "mori-ep", "fp8", "bf16")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A measured point with everything that the twin needs to know of it."""

    point: Point
    recipe: Recipe
    software: SoftwareName
    """Its software's time."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for points that one cluster serves."""
        return *self.point.topology, *self.recipe, self.software

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for repeats of one measurement: what differs is the run."""
        return *self.key, self.point.concurrency


class UnpredictableError(Exception):
    """The twin has no way to predict a point; the message says why."""


def configurations(points: Sequence[Point]) -> tuple[list[Configuration], dict[int, str]]:
    """Return what can be predicted, and for every other point (by line) why not."""
    most: dict[tuple[object, ...], int] = defaultdict(int)
    for point in points:
        most[point.topology] = max(most[point.topology], point.concurrency)
    days = settled_days(points)
    found: list[Configuration] = []
    reasons: dict[int, str] = {}
    for point in points:
        try:
            found.append(_configuration(point, most[point.topology], days.get(point.topology)))
        except UnpredictableError as error:
            reasons[point.line] = str(error)
    return found, reasons


def _configuration(point: Point, most_concurrent: int, settled: Days | None) -> Configuration:
    if point.stack not in PARENTS:
        raise UnpredictableError(f"no constants for {point.stack}")
    days = settled if point.date is None else (point.date, point.date)
    recipe = recipe_of(point, most_concurrent, None if days is None else days[1])
    if recipe is None:
        raise UnpredictableError("no recipe gives its draft depth or prefill batch")
    return Configuration(point, recipe, software_versions_between(point, days))


def settings_of(point: Point) -> tuple[str, str, str, str]:
    """KV transfer, all-to-all library, dispatch and combine format of a point's stack."""
    if point.hw.startswith("mi"):
        return MORI_FP8 if (point.disaggregated, point.precision) == (True, "fp8") else SETTINGS["mi"]
    return SETTINGS["trtllm" if "trtllm" in point.framework else "sglang"]


def deployment_of(configuration: Configuration) -> tuple[Deployment, Topology]:
    """Return a configuration as a scenario would write it."""
    point, recipe = configuration.point, configuration.recipe
    prefill = point.prefill
    transfer, library, dispatch, combine = settings_of(point)
    overlap = point.hw == "mi355x" and point.precision == "fp4" and prefill is not None and prefill.dp_attention
    topology = Topology(
        name="measured",
        prefill=None if prefill is None else _group(prefill, None, recipe),
        decode=_group(point.decode, recipe.cap, recipe),
        mtp=recipe.mtp,
        stream_interval=100 if point.decode.dp_attention else 1,
        first_chunk=recipe.first_chunk,
        concurrency=(point.concurrency,),
    )
    deployment = Deployment(
        name="measured",
        gpu=point.hw,
        precision=point.precision,
        stack=Stack(
            framework=point.framework,
            kv_transfer=transfer,
            all_to_all=library,
            dispatch=dispatch,
            combine=combine,
            two_batch_overlap=overlap,
            stream_workers=32,
        ),
        topologies=(topology,),
        source="measured point",
    )
    return deployment, topology


def _group(workers: Workers, cap: int | None, recipe: Recipe) -> WorkerGroup:
    return WorkerGroup(
        workers=workers.workers,
        gpus=workers.gpus,
        tp=workers.tp,
        ep=workers.ep,
        dp_attention=workers.dp_attention,
        max_running=cap,
        max_batch_tokens=recipe.max_batch_tokens,
        balance_passes=recipe.balance_passes,
    )


def load_of(points: Sequence[Point]) -> ClosedLoad:
    """Return the closed loops of points that share their lengths: 10 prompts per slot, all slots at once."""
    isl = _uniform(points[0].isl)
    osl = _uniform(points[0].osl)
    concurrency = np.array([float(point.concurrency) for point in points])
    return ClosedLoad(concurrency, isl[0], isl[1], osl[0])


def _uniform(nominal: int) -> tuple[float, float]:
    low, high = int(RANGE_RATIO * nominal), nominal
    mean = (low + high) / 2
    return mean, mean**2 + ((high - low + 1) ** 2 - 1) / 12


@dataclass(frozen=True, slots=True)
class Batch:
    """Configurations that one cluster serves, and where they stand among all."""

    deployment: Deployment
    topology: Topology
    software: SoftwareName
    load: ClosedLoad
    places: Sequence[int]


def batches(configurations: Iterable[Configuration]) -> list[Batch]:
    """Group configurations by the cluster that serves them."""
    groups: dict[tuple[object, ...], list[tuple[int, Configuration]]] = defaultdict(list)
    for place, configuration in enumerate(configurations):
        groups[configuration.key].append((place, configuration))
    result = []
    for members in groups.values():
        deployment, topology = deployment_of(members[0][1])
        load = load_of([configuration.point for _, configuration in members])
        result.append(Batch(deployment, topology, members[0][1].software, load, [place for place, _ in members]))
    return result


def evaluate(model: ModelSpec, gpu: Gpu, batch: Batch, parameters: TwinParameters) -> SteadyState:
    """Steady state of a batch. Constants may be arrays of shape (sets, 1): results then have (sets, points)."""
    cluster = cluster_of(model, gpu, batch.deployment, batch.topology, parameters, batch.software)
    return steady_state(cluster, batch.load)


def tokens_per_gpu(batch: Batch, state: SteadyState) -> Floats:
    """Whole-run throughput, input and output tokens per second and GPU."""
    return many(state.requests_s) * (batch.load.isl + batch.load.osl) / batch.topology.total_gpus


def predictable(
    model: ModelSpec, gpus: Mapping[str, Gpu], points: Sequence[Point], parameters: TwinParameters
) -> tuple[list[Configuration], dict[int, str]]:
    """Return the configurations of points that the twin can be built for, and for every other point why not."""
    found, reasons = configurations(points)
    for batch in batches(found):
        try:
            cluster_of(model, gpus[batch.deployment.gpu], batch.deployment, batch.topology, parameters, batch.software)
        except UsageError as error:
            reasons.update({found[place].point.line: str(error) for place in batch.places})
    return [c for c in found if c.point.line not in reasons], reasons
