"""Metrics are listed once, in the catalogue: a second list, under whatever spelling, fails here."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from inferbench.metrics import families
from inferbench.metrics.catalog import CATALOG
from inferbench.metrics.goodput import LIMITS, GoodputSlo
from inferbench.metrics.metric import STATISTICS, CostMetric, DistributionMetric, MetricEntry
from inferbench.regression.policy import Effects, RegressionMetric
from inferbench.scenario.scenario import Slo
from inferbench.token_cost.cost import Cost

ROOT = Path(__file__).parents[1]
CATALOGUE = {"inferbench/metrics/metric.py", "inferbench/metrics/catalog.py"}
ALLOWED = {
    "inferbench/formats/inferencex/flat_table.py": "the columns of InferenceX's CSV export, which another tool reads",
    "inferbench/evidence/points_csv.py": "the columns of that export, as they are read",
}
"""Modules that spell out another tool's keys, and why."""
FILES = sorted([*(ROOT / "inferbench").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")])
FEW = 3
"""From so many different metrics on, a literal is a list of metrics."""


def spellings() -> dict[str, str]:
    """What a metric is called anywhere in the code, in lower case, with its name.

    Lengths and loads are what a run was asked for: they stand in many records beside each other, and have no direction.
    """
    found: dict[str, str] = {}
    for entry in CATALOG.values():
        if entry.better is None:
            continue
        for said in (entry.name, entry.label):
            if isinstance(entry, CostMetric) and said == entry.label:
                continue  # "input", "total" and the like: words of a heading
            ends = ["", *STATISTICS, "median"] if isinstance(entry, DistributionMetric) else ["", "p50"]
            for end in ends:
                for shape in (f"{said}_{end}", f"{said} {end}", f"{end}_{said}", f"{end} {said}"):
                    for unit in ("", f"_{entry.unit}", "_s"):
                        found[f"{shape.strip('_ ')}{unit}".lower()] = entry.name
    return found


SPELLINGS = spellings()


def lists_of(node: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Line and metrics of every outermost literal that names several, calls in it included.

    A literal is a tuple, list, set or dict, `dict(...)`, `Literal[...]` or the members of an enum.
    """
    if _is_literal(node):
        words = {SPELLINGS[text] for text in _texts(node) if text in SPELLINGS}
        if len(words) >= FEW:
            yield getattr(node, "lineno", 0), words
    else:
        for child in ast.iter_child_nodes(node):
            yield from lists_of(child)


def _is_literal(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef):
        return any("Enum" in ast.unparse(base) for base in node.bases)
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.value).endswith("Literal")
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "dict"
    return isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict))


def _texts(node: ast.AST) -> Iterator[str]:
    """The strings of a literal and the keywords in it, in lower case."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value.lower()
        elif isinstance(child, ast.keyword) and child.arg:
            yield child.arg.lower()


def offenders(path: Path) -> list[str]:
    name = path.relative_to(ROOT).as_posix()
    found = lists_of(ast.parse(path.read_text(encoding="utf-8")))
    return [f"{name}:{line} lists {', '.join(sorted(words))}" for line, words in found]


def test_no_module_lists_metrics_beside_the_catalogue() -> None:
    found = {path.relative_to(ROOT).as_posix(): offenders(path) for path in FILES}
    second = [one for name, own in found.items() if name not in {*CATALOGUE, *ALLOWED} for one in own]
    assert not second, "loop over metric_families instead, or give a reason in ALLOWED"


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_to_list_metrics_does(name: str) -> None:
    assert offenders(ROOT / name), "take it out of ALLOWED"


@pytest.mark.parametrize(
    "code",
    [
        'METRICS = ("ttft", "tpot", "itl")',
        'NAMES = {"ttft_p50": 1, "tpot_p50": 2, "tput_per_gpu": 3}',
        'x: Literal["ttft", "goodput", "e2el"]',
        'columns = (Column("TTFT p50", "ms"), Column("TPOT p50", "ms"), Column("E2EL", "ms"))',
        'PAIRS = (("ttft_ms", "TTFT"), ("tpot_ms", "TPOT"), ("itl_ms", "ITL"))',
        'COLUMNS = ["usd_per_mtok_total", "usd_per_mtok_input", "joules_per_token_provisioned"]',
        'KEYS = {"mean_ttft_s", "median_tpot_s", "p99_e2el_ms"}',
        "limits = dict(ttft=1, tpot=2, e2el=3)",
        'class Kept(StrEnum):\n    A = "ttft_p50"\n    B = "tpot_p50"\n    C = "goodput"',
    ],
)
def test_a_second_list_is_found_whatever_its_form(code: str) -> None:
    assert list(lists_of(ast.parse(code)))


@pytest.mark.parametrize("code", ['KEPT = ("ttft", "tpot")', 'KEYS = ("isl", "osl", "concurrency")'])
def test_two_metrics_or_the_conditions_of_a_load_are_no_list(code: str) -> None:
    assert not list(lists_of(ast.parse(code)))


def test_the_catalogue_loads_nothing_heavy() -> None:
    code = "import sys, inferbench.metrics.families; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "pandas", "pyarrow", "plotly", "scipy"} & {name.split(".")[0] for name in loaded}


def test_every_name_stands_once() -> None:
    assert all(CATALOG[name].name == name for name in CATALOG)
    entries = [entry for entry in vars(families.catalog).values() if isinstance(entry, MetricEntry)]
    assert len(entries) == len(CATALOG)


def test_a_family_names_no_metric_twice() -> None:
    listed = {name: value for name, value in vars(families).items() if name.isupper() and isinstance(value, tuple)}
    assert len(listed) > FEW
    for name, family in listed.items():
        assert len({metric.name for metric in family}) == len(family), name


def test_metrics_of_cost_are_fields_of_a_cost() -> None:
    own = {name for name, entry in CATALOG.items() if isinstance(entry, CostMetric)}
    assert own <= set(Cost.model_fields)


def test_the_effects_of_a_policy_are_those_of_the_family() -> None:
    family = [metric.name for metric in families.REGRESSION]
    assert [metric.value for metric in RegressionMetric] == family
    assert list(Effects.model_fields) == family


def test_the_clauses_of_an_slo_are_metrics_of_the_catalogue() -> None:
    assert [field.name for field in fields(GoodputSlo)] == [metric.name for metric in families.OF_ONE_REQUEST]
    assert list(Slo.model_fields) == list(LIMITS.values())
