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
    from .api.attach import Choice, attach, attach_to_run
    from .api.attached_point import HowToMeasure
    from .api.auditing import audit
    from .api.bench import BenchRun, Client, bench
    from .api.bench_load import BenchLoad
    from .api.catalogue import load_scenario
    from .api.claims import claims
    from .api.comparing import compare
    from .api.evaluating import evaluate_gsm8k
    from .api.exporting import export
    from .api.history import history
    from .api.importing import import_inferencex
    from .api.regress import regress
    from .api.resume import resume
    from .api.run import run
    from .api.runs import Run, open_run
    from .api.summarising import summarise
    from .api.sweep import PointProgress
    from .api.twin_ablation import ablate
    from .targets.endpoint import Endpoint
    from .targets.site import Site
    from .tco.cost import cost

_WHERE = {
    "Choice": ".api.attach",
    "HowToMeasure": ".api.attached_point",
    "Site": ".targets.site",
    "attach": ".api.attach",
    "attach_to_run": ".api.attach",
    "evaluate_gsm8k": ".api.evaluating",
    "BenchLoad": ".api.bench_load",
    "BenchRun": ".api.bench",
    "Client": ".api.bench",
    "Endpoint": ".targets.endpoint",
    "PointProgress": ".api.sweep",
    "Run": ".api.runs",
    "ablate": ".api.twin_ablation",
    "audit": ".api.auditing",
    "bench": ".api.bench",
    "claims": ".api.claims",
    "compare": ".api.comparing",
    "history": ".api.history",
    "regress": ".api.regress",
    "resume": ".api.resume",
    "cost": ".tco.cost",
    "export": ".api.exporting",
    "import_inferencex": ".api.importing",
    "load_scenario": ".api.catalogue",
    "open_run": ".api.runs",
    "run": ".api.run",
    "summarise": ".api.summarising",
}
"""Where each name lives. They load when first asked for: a load generator has no use for pandas."""

__all__ = [
    "BenchLoad",
    "BenchRun",
    "Choice",
    "Client",
    "Endpoint",
    "HowToMeasure",
    "PointProgress",
    "Run",
    "Site",
    "ablate",
    "attach",
    "attach_to_run",
    "audit",
    "bench",
    "claims",
    "compare",
    "cost",
    "evaluate_gsm8k",
    "export",
    "history",
    "import_inferencex",
    "load_scenario",
    "open_run",
    "regress",
    "resume",
    "run",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
