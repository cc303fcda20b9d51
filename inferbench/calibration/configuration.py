"""A measured point as a deployment of the twin, and many of them evaluated at once."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..domain.deployment import Deployment, Stack, Topology, WorkerGroup
from ..domain.errors import UsageError
from ..domain.hardware import Gpu
from ..domain.model import ModelSpec
from ..domain.records import Floats
from ..twin.build import plant_of
from ..twin.closed_loop import ClosedLoad, SteadyState
from ..twin.parameters import TwinParameters
from ..twin.steady import steady_state
from .points import Point, Workers
from .priors import PARENTS
from .recipes import Recipe, recipe_of

RANGE_RATIO = 0.8
"""Least length over nominal: InferenceX draws lengths uniformly from 0.8 to 1.0 of nominal."""
SETTINGS = {
    "mi": ("mori-io", "mori-ep", "fp4", "fp8-blockwise"),
    "sglang": ("nixl", "deepep", "fp4", "bf16"),
    "trtllm": ("nixl", "trtllm", "fp4", "fp8-direct"),
}
"""KV transfer, all-to-all library and formats on AMD, and by engine on NVIDIA; there those of the fit, for want of
published times."""
MORI_FP8 = ("mori-io", "mori-ep", "fp8", "bf16")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A measured point with everything that the twin needs to know of it."""

    point: Point
    recipe: Recipe
    era: str | None
    """Name of its software's time; None: today's."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for points that one plant serves."""
        return *self.point.topology, *self.recipe, self.era

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
    eras = _eras_of_topologies(points)
    found: list[Configuration] = []
    reasons: dict[int, str] = {}
    for point in points:
        try:
            found.append(_configuration(point, most[point.topology], eras.get(point.topology, MIXED)))
        except UnpredictableError as error:
            reasons[point.line] = str(error)
    return found, reasons


def _configuration(point: Point, most_concurrent: int, undated: str | None) -> Configuration:
    if point.stack not in PARENTS:
        raise UnpredictableError(f"no constants for {point.stack}")
    recipe = recipe_of(point, most_concurrent)
    if recipe is None:
        raise UnpredictableError("no recipe gives its draft depth or prefill batch")
    return Configuration(point, recipe, era_of(point) if point.date is not None else undated)


AGGREGATED_ERAS = ("2026-01-10", "2026-04-10")
ERAS = {
    ("mi355x sglang", "fp4"): ("2026-02-28", "2026-05-20"),
    ("mi355x sglang", "fp8"): ("2026-02-09", "2026-02-28"),
    ("b200 dynamo-sglang", "fp4"): ("2026-03-31",),
    ("b200 dynamo-sglang", "fp8"): ("2026-02-28",),
    ("gb200 dynamo-sglang", "fp4"): ("2025-12-31",),
    ("gb200 dynamo-sglang", "fp8"): ("2025-12-31",),
    ("gb200 dynamo-trtllm", "fp4"): ("2025-12-31",),
    ("b200 dynamo-trtllm", "fp8"): ("2026-02-28",),
}
"""Last days of earlier software: the images change between them."""
MIXED = "mixed"


def era_of(point: Point) -> str | None:
    """Name of the time whose software a dated point ran; None: today's."""
    assert point.date is not None
    day = point.date.isoformat()
    bounds = ERAS.get((point.stack, point.precision), ()) if point.disaggregated else AGGREGATED_ERAS
    return next((bound for bound in bounds if day <= bound), None)


def _eras_of_topologies(points: Sequence[Point]) -> dict[tuple[object, ...], str | None]:
    """When each topology was mostly run, the latest of equals: a median over its runs is of that time."""
    counts: dict[tuple[object, ...], Counter[str | None]] = defaultdict(Counter)
    for point in sorted(
        (p for p in points if p.date is not None), key=lambda p: p.date or datetime.date.min, reverse=True
    ):
        counts[point.topology][era_of(point)] += 1
    return {topology: count.most_common(1)[0][0] for topology, count in counts.items()}


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
    """Configurations that one plant serves, and where they stand among all."""

    deployment: Deployment
    topology: Topology
    era: str | None
    load: ClosedLoad
    places: Sequence[int]


def batches(configurations: Iterable[Configuration]) -> list[Batch]:
    """Group configurations by the plant that serves them."""
    groups: dict[tuple[object, ...], list[tuple[int, Configuration]]] = defaultdict(list)
    for place, configuration in enumerate(configurations):
        groups[configuration.key].append((place, configuration))
    result = []
    for members in groups.values():
        deployment, topology = deployment_of(members[0][1])
        load = load_of([configuration.point for _, configuration in members])
        result.append(Batch(deployment, topology, members[0][1].era, load, [place for place, _ in members]))
    return result


def evaluate(model: ModelSpec, gpu: Gpu, batch: Batch, parameters: TwinParameters) -> SteadyState:
    """Steady state of a batch. Constants may be arrays of shape (sets, 1): results then have (sets, points)."""
    plant = plant_of(model, gpu, batch.deployment, batch.topology, parameters, batch.era)
    return steady_state(plant, batch.load)


def tokens_per_gpu(batch: Batch, state: SteadyState) -> Floats:
    """Whole-run throughput, input and output tokens per second and GPU."""
    found: Floats = state.requests_s * (batch.load.isl + batch.load.osl) / batch.topology.total_gpus
    return found


def predictable(
    model: ModelSpec, gpus: Mapping[str, Gpu], points: Sequence[Point], parameters: TwinParameters
) -> tuple[list[Configuration], dict[int, str]]:
    """Return the configurations of points that the twin can be built for, and for every other point why not."""
    found, reasons = configurations(points)
    for batch in batches(found):
        try:
            plant_of(model, gpus[batch.deployment.gpu], batch.deployment, batch.topology, parameters, batch.era)
        except UsageError as error:
            reasons.update({found[place].point.line: str(error) for place in batch.places})
    return [c for c in found if c.point.line not in reasons], reasons
