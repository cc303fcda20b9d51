"""Entries of InferenceX's master configurations as scenarios: topologies, loads, and how they are launched."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from inferbench.catalog.bundled import gpus, models
from inferbench.errors import FileError, InferbenchError, UsageError
from inferbench.files.spelling import unknown
from inferbench.files.terminal_text import one_visible_line
from inferbench.files.yaml_values import describe
from inferbench.formats.inferencex.master_config import MasterEntry, MasterShape, read_entry, read_master, shapes
from inferbench.runs.interchange.config_deployment import master_deployment
from inferbench.scenario.read_scenario import check_scenario
from inferbench.scenario.scenario import Lengths, Load, OperatingPoint, PriceChoice, Scenario, TwinSettings
from inferbench.simulator.calibration.configuration import RANGE_RATIO
from inferbench.simulator.engine.build import cluster_of

MODELS = {"dsr1": "deepseek-r1-0528"}
"""InferenceX's model prefixes by the facts about them."""
INTERACTIVITIES = (25.0, 50.0, 75.0, 100.0, 129.0)
"""tok/s/user at which an imported scenario compares: along the curve, and at the published claim's."""
BOOK, TIER = "inferencex-2026-09", "hyperscaler"
HALF_WIDTH = 0.25


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One entry as a scenario, or why it is none."""

    name: str
    scenario: Scenario | None
    notes: tuple[str, ...]
    """What was assumed, or what the twin does not model; the reason where there is no scenario."""

    @property
    def line(self) -> str:
        """One line for a person."""
        if self.scenario is None:
            return f"{self.name}: left out: {self.notes[0]}"
        topologies = self.scenario.deployments[0].topologies
        points = sum(len(t.concurrency) for t in topologies)
        return "; ".join([f"{self.name}: {len(topologies)} topologies, {points} sweep points", *self.notes])


def import_entries(path: Path, wanted: Sequence[str] = (), shape: str | None = None) -> list[ImportedEntry]:
    """Return entries of a master configuration as scenarios: those wanted, or all.

    shape: ISLxOSL, of entries with several. Raises FileError where the file is no such configuration or lacks an entry.
    """
    entries = read_master(path)
    if missing := next((name for name in wanted if name not in entries), None):
        raise FileError(f"{path}: {unknown('entry', missing, entries)}")
    return [_imported(path, entries, name, shape) for name in wanted or entries]


def scenario_text(entry: ImportedEntry) -> str:
    """Return the scenario as the text of its file, with what was assumed as comments."""
    assert entry.scenario is not None
    data = entry.scenario.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    head = (
        f"Entry {entry.name} of InferenceX (SemiAnalysisAI/InferenceX, Apache-2.0); results of a run are unofficial.",
        *entry.notes,
    )
    return "".join(f"# {one_visible_line(line)}\n" for line in head) + yaml.safe_dump(data, sort_keys=False, width=120)


def _imported(path: Path, entries: Mapping[str, Any], name: str, shape: str | None) -> ImportedEntry:
    try:
        scenario, notes = _scenario(path, name, read_entry(entries, name, path), shape)
    except ValidationError as error:
        return ImportedEntry(name, None, (describe(error, Scenario),))
    except (ValueError, InferbenchError) as error:
        return ImportedEntry(name, None, (str(error).removeprefix(f"{path}: {name}: "),))
    return ImportedEntry(name, scenario, notes)


def _scenario(path: Path, name: str, entry: MasterEntry, shape: str | None) -> tuple[Scenario, tuple[str, ...]]:
    if entry.model_prefix not in MODELS:
        raise ValueError(f"no facts about model {entry.model_prefix}; known: {', '.join(MODELS)}")
    chosen = _shape(entry, shape)
    as_of = entry.image_date or datetime.date.today()
    deployment, notes = master_deployment(name, entry, chosen, as_of, f"InferenceX {path.name}, {name}")
    scenario = Scenario(
        format=1,
        name=name,
        title=f"{entry.model} {chosen.isl} in / {chosen.osl} out, as InferenceX sweeps {name}",
        as_of=as_of,
        model=MODELS[entry.model_prefix],
        load=Load(isl=_lengths(chosen.isl), osl=_lengths(chosen.osl)),
        operating_points=tuple(OperatingPoint(name=f"{i:g} tok/s/user", interactivity=i) for i in INTERACTIVITIES),
        price_books=(BOOK,),
        headline=PriceChoice(book=BOOK, tier=TIER),
        twin=TwinSettings(
            half_width=HALF_WIDTH, reason="at least what is declared, and where the twin's errors are wider, those"
        ),
        deployments=(deployment,),
    )
    check_scenario(scenario)
    return scenario, (*notes, *_not_modelled(scenario))


def _shape(entry: MasterEntry, wanted: str | None) -> MasterShape:
    by_name = {f"{shape.isl}x{shape.osl}": shape for shape in shapes(entry)}
    if wanted is None and len(by_name) > 1:
        raise ValueError(f"it has several shapes, name one with --shape: {', '.join(by_name)}")
    if wanted is not None and wanted not in by_name:
        raise ValueError(unknown("shape", wanted, by_name))
    return by_name[wanted] if wanted is not None else next(iter(by_name.values()))


def _lengths(nominal: int) -> Lengths:
    return Lengths(nominal=nominal, min=int(RANGE_RATIO * nominal), max=nominal)


def _not_modelled(scenario: Scenario) -> tuple[str, ...]:
    """Why the twin cannot run what it cannot run, so that `inferbench run` holds no surprise."""
    model, found = models()[scenario.model], dict[str, None]()
    for deployment in scenario.deployments:
        for topology in deployment.topologies:
            try:
                cluster_of(model, gpus()[deployment.gpu], deployment, topology)
            except UsageError as error:
                found[str(error)] = None
    return tuple(found)
