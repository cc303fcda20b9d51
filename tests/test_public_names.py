"""What `inferbench` itself offers: the names, and that each says all that a caller must know."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable

import pytest

import inferbench
from inferbench import errors
from inferbench.errors import InferbenchError
from inferbench.runs.provenance import own_version

NAMES = [name for name in inferbench.__all__ if name != "__version__"]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(inferbench, name))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(inferbench, name))]


def test_dir_lists_the_public_names_and_nothing_else() -> None:
    assert dir(inferbench) == sorted(inferbench.__all__)
    assert {*FUNCTIONS, *CLASSES} == set(NAMES)


def test_dir_stays_as_it_is_when_all_has_been_used() -> None:
    code = (
        "import inferbench\n"
        "for name in inferbench.__all__: assert getattr(inferbench, name) is not None\n"
        "import inferbench.cli.app, inferbench.simulator.engine.cluster, inferbench.store\n"
        "assert dir(inferbench) == sorted(inferbench.__all__)\n"
        "assert not [n for n in inferbench.__all__ if type(getattr(inferbench, n)) is type(inferbench)]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_public_name_is_that_of_a_part_of_the_package() -> None:
    """An import of the part would put the module where the function is looked for."""
    parts = {module.name for module in pkgutil.iter_modules(inferbench.__path__)}
    assert not parts & set(inferbench.__all__)


def test_a_star_import_brings_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from inferbench import *", names)
    assert set(inferbench.__all__) <= set(names)
    assert names["__version__"] == own_version()


def test_every_kind_of_error_that_the_package_documents_is_public() -> None:
    kinds = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, InferbenchError)}
    assert kinds | {"StoreError"} <= set(inferbench.__all__)
    assert all(issubclass(getattr(inferbench, name), InferbenchError) for name in inferbench.__all__ if "Error" in name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'benhc'"):
        _ = inferbench.benhc


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_its_parameters_are_and_what_it_raises(name: str) -> None:
    said = inspect.getdoc(getattr(inferbench, name)) or ""
    assert not unnamed(inspect.signature(getattr(inferbench, name)).parameters, said)
    assert "Raises " in said


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_says_what_its_fields_and_methods_are(name: str) -> None:
    found = getattr(inferbench, name)
    assert inspect.getdoc(found)
    assert found.__doc__ != getattr(found.__mro__[1], "__doc__", None)
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    assert isinstance(tree, ast.ClassDef)
    assert not unnamed(undescribed(tree), found.__doc__)
    for method in (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"):
        assert ast.get_docstring(method), method.name
        parameters = [a.arg for a in (*method.args.args[1:], *method.args.kwonlyargs)]
        assert not unnamed(parameters, ast.get_docstring(method) or ""), method.name


def unnamed(names: Iterable[str], said: str) -> list[str]:
    """Those that stand nowhere in a docstring as code."""
    return [name for name in names if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", said)]


def undescribed(tree: ast.ClassDef) -> list[str]:
    """Public fields without a docstring below them."""
    below = [*tree.body[1:], None]
    return [
        node.target.id
        for node, after in zip(tree.body, below, strict=True)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_"
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]


def test_no_public_name_loads_what_only_some_calls_use() -> None:
    code = "import sys, inferbench; [getattr(inferbench, n) for n in inferbench.__all__]; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"pandas", "plotly", "scipy", "ray", "streamlit", "duckdb"} & {name.split(".")[0] for name in loaded}
