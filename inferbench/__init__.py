"""inferbench: how fast and at what cost a deployment serves a large language model, and how sure that is.

import inferbench

run = inferbench.run("deepseek-r1-mi355x-vs-b200")
run.points()  # one row per sweep point, a pandas DataFrame
run.conclusions  # one answer per operating point
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferbench.claim.answer_file import claims
    from inferbench.claim.audit import audit
    from inferbench.endpoint.discovery import Site
    from inferbench.errors import (
        EndpointError,
        FileError,
        IncomparableError,
        InferbenchError,
        StoppedError,
        StoreError,
        UsageError,
    )
    from inferbench.loadgen.http.endpoint import Endpoint
    from inferbench.metrics.summary import Basis
    from inferbench.pricing.bundled_books import open_book
    from inferbench.regression.check import regress
    from inferbench.regression.history import history
    from inferbench.runs.bench.bench import BenchRun, Client, bench
    from inferbench.runs.bench.bench_async import bench_async
    from inferbench.runs.bench.bench_plan import BenchLoad
    from inferbench.runs.comparison.compare import compare
    from inferbench.runs.interchange.export import export
    from inferbench.runs.interchange.import_inferencex import import_inferencex
    from inferbench.runs.measure.attach import Choice, attach, attach_to_run
    from inferbench.runs.measure.attached_point import HowToMeasure
    from inferbench.runs.measure.evaluate import evaluate_gsm8k
    from inferbench.runs.opened_run import Run, open_run
    from inferbench.runs.resume import resume
    from inferbench.runs.resummarise import summarise
    from inferbench.runs.scenario_run import run
    from inferbench.runs.sweep import PointProgress
    from inferbench.scenario.read_scenario import load_scenario
    from inferbench.scenario.scenario import Lengths
    from inferbench.simulator.ablation.ablate_scenario import ablate
    from inferbench.token_cost.per_token import cost

    __version__: str

_WHERE = {
    "Basis": "inferbench.metrics.summary",
    "BenchLoad": "inferbench.runs.bench.bench_plan",
    "BenchRun": "inferbench.runs.bench.bench",
    "Choice": "inferbench.runs.measure.attach",
    "Client": "inferbench.runs.bench.bench",
    "Endpoint": "inferbench.loadgen.http.endpoint",
    "EndpointError": "inferbench.errors",
    "FileError": "inferbench.errors",
    "HowToMeasure": "inferbench.runs.measure.attached_point",
    "IncomparableError": "inferbench.errors",
    "InferbenchError": "inferbench.errors",
    "Lengths": "inferbench.scenario.scenario",
    "PointProgress": "inferbench.runs.sweep",
    "Run": "inferbench.runs.opened_run",
    "Site": "inferbench.endpoint.discovery",
    "StoppedError": "inferbench.errors",
    "StoreError": "inferbench.errors",
    "UsageError": "inferbench.errors",
    "ablate": "inferbench.simulator.ablation.ablate_scenario",
    "attach": "inferbench.runs.measure.attach",
    "attach_to_run": "inferbench.runs.measure.attach",
    "audit": "inferbench.claim.audit",
    "bench": "inferbench.runs.bench.bench",
    "bench_async": "inferbench.runs.bench.bench_async",
    "claims": "inferbench.claim.answer_file",
    "compare": "inferbench.runs.comparison.compare",
    "cost": "inferbench.token_cost.per_token",
    "evaluate_gsm8k": "inferbench.runs.measure.evaluate",
    "export": "inferbench.runs.interchange.export",
    "history": "inferbench.regression.history",
    "import_inferencex": "inferbench.runs.interchange.import_inferencex",
    "load_scenario": "inferbench.scenario.read_scenario",
    "open_book": "inferbench.pricing.bundled_books",
    "open_run": "inferbench.runs.opened_run",
    "regress": "inferbench.regression.check",
    "resume": "inferbench.runs.resume",
    "run": "inferbench.runs.scenario_run",
    "summarise": "inferbench.runs.resummarise",
}
"""Where each name lives. They load when first asked for: a load generator has no use for pandas."""

__all__ = [
    "Basis",
    "BenchLoad",
    "BenchRun",
    "Choice",
    "Client",
    "Endpoint",
    "EndpointError",
    "FileError",
    "HowToMeasure",
    "IncomparableError",
    "InferbenchError",
    "Lengths",
    "PointProgress",
    "Run",
    "Site",
    "StoppedError",
    "StoreError",
    "UsageError",
    "__version__",
    "ablate",
    "attach",
    "attach_to_run",
    "audit",
    "bench",
    "bench_async",
    "claims",
    "compare",
    "cost",
    "evaluate_gsm8k",
    "export",
    "history",
    "import_inferencex",
    "load_scenario",
    "open_book",
    "open_run",
    "regress",
    "resume",
    "run",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name], __name__), name)
    if name == "__version__":
        return import_module("inferbench.runs.provenance", __name__).own_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
