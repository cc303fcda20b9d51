"""Options of `inferbench bench` put together into the values that the API takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from inferbench.cli.bench.data import DataOptions
from inferbench.cli.bench.options import ArrivalPattern, MeasuringOptions, PaceOptions
from inferbench.cli.dropin.names import BACKENDS, ClientBackend
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown

if TYPE_CHECKING:
    from inferbench.runs.bench.bench_plan import BenchLoad


def backend_of(name: str | None, path: str | None) -> ClientBackend:
    """The backend of a name, with the path that is asked for. Raises UsageError for an unknown one, or another path."""
    if name is None:
        return ClientBackend(path or BACKENDS["openai"].path)
    if name not in BACKENDS:
        raise UsageError(unknown("backend", name, BACKENDS))
    backend = BACKENDS[name]
    if path is None:
        return backend
    if _dialect(path) != _dialect(backend.path):
        raise UsageError(f"--backend {name} speaks {backend.path}, not --endpoint {path}; leave one of the two out")
    return backend._replace(path=path)


def _dialect(path: str) -> str:
    """The end of a path that tells the dialect."""
    known = sorted({backend.path.removeprefix("/v1") for backend in BACKENDS.values()}, key=len, reverse=True)
    return next((end for end in known if path.rstrip("/").endswith(end)), path)


def load_of(pace: PaceOptions, data: DataOptions, measured: MeasuringOptions, backend: ClientBackend) -> BenchLoad:
    """What is sent, at any concurrency. Raises UsageError for what does not go together."""
    from inferbench.runs.bench.bench_plan import BenchLoad

    (isl, osl), pattern = data.lengths, pace.arrival_pattern
    return BenchLoad(
        num_prompts=pace.num_prompts,
        isl=isl,
        osl=osl,
        request_rate=math.inf if pace.request_rate is None else pace.request_rate,
        self_timed=data.own_times(by_rate=pace.request_rate is not None),
        burstiness=1.0 if pattern is ArrivalPattern.POISSON else pace.burstiness,
        constant=pattern is ArrivalPattern.CONSTANT or math.isinf(pace.burstiness),
        rate_ramp=pace.rate_ramp,
        slot_ramp_s=pace.concurrency_ramp_duration,
        duration_s=pace.duration,
        grace_s=pace.grace_period,
        num_warmups=measured.num_warmups,
        ignore_eos=data.ignore_eos(measured.ignore_eos, backend.ignore_eos),
        seed=measured.seed,
        prompts=data.prompts,
        shared=data.shared,
        turns=data.turns,
        trace=data.trace,
        max_error_rate=1.0 if measured.max_error_rate is None else measured.max_error_rate,
        slo=measured.slo,
        gpus=measured.gpus,
        probe_rate=pace.probe_request_rate,
    )
