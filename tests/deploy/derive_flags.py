"""Derive an engine's flags and environment from the source in its wheel: `python derive_flags.py ENGINE VERSION WHEEL`.

Nothing of the engine is imported or run: flags are what its source hands to argparse, and environment variables are the
names of that form that its source holds. The YAML that it prints is kept in inferbench/deploy/versions/.
"""

from __future__ import annotations

import ast
import datetime
import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ENGINES: Mapping[str, tuple[str, ...]] = {
    "sglang": ("sglang/srt/server_args.py", "sglang/srt/arg_groups/fields/", "sglang/srt/arg_groups/choices.py"),
    "sglang-router": ("sglang_router/router_args.py",),
    "vllm": ("vllm/engine/arg_utils.py", "vllm/entrypoints/launchers/", "vllm/entrypoints/serve/"),
    "vllm-router": ("vllm_router/router_args.py",),
    "dynamo-frontend": ("dynamo/frontend/", "dynamo/common/configuration/"),
    "dynamo-sglang": ("dynamo/sglang/", "dynamo/common/configuration/"),
    "dynamo-trtllm": ("dynamo/trtllm/", "dynamo/common/configuration/"),
}  # fmt: skip
"""Where in its wheel an engine declares its flags."""
ENVIRONMENT = {"sglang": re.compile(r"\bSGLANG_[A-Z0-9_]+\b"), "vllm": re.compile(r"\bVLLM_[A-Z0-9_]+\b")}
"""Environment variables that a launch may set."""
Choices = list[str] | None


def derive(files: Mapping[str, str]) -> dict[str, Choices]:
    """The flags that sources by path declare, each with its choices where they are literal."""
    trees = [ast.parse(text) for text in files.values()]
    constants = {name: value for tree in trees for name, value in _constants(tree)}
    found: dict[str, Choices] = {}
    for tree in trees:
        for name, choices in (*_argparse_calls(tree, constants), *_annotated_fields(tree, constants)):
            found[name] = found.get(name) or choices
    return dict(sorted(found.items()))


def _constants(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values = _strings(node.value, {})
            if values:
                yield node.targets[0].id, values


def _argparse_calls(tree: ast.Module, constants: Mapping[str, list[str]]) -> Iterator[tuple[str, Choices]]:
    """`add_argument("--x", choices=...)`, and wrappers of it that take `flag_name="--x"` or a table of `"flags"`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keywords = {k.arg: k.value for k in node.keywords}
            names = [*node.args, *([keywords["flag_name"]] if "flag_name" in keywords else [])]
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if "add" in called and "arg" in called:
                for name in filter(None, map(_flag, names)):
                    yield name, _strings(keywords.get("choices"), constants) or None
        elif isinstance(node, ast.Dict):
            keys = {getattr(key, "value", None): value for key, value in zip(node.keys, node.values, strict=True)}
            if isinstance(listed := keys.get("flags"), ast.List):
                for name in filter(None, map(_flag, listed.elts)):
                    yield name, _strings(keys.get("choices"), constants) or None


def _annotated_fields(tree: ast.Module, constants: Mapping[str, list[str]]) -> Iterator[tuple[str, Choices]]:
    """`field: A[type, Arg(...)]` of a configuration class, which SGLang turns into a flag of the field's name."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        annotation = node.annotation
        if not (isinstance(annotation, ast.Subscript) and getattr(annotation.value, "id", "") == "A"):
            continue
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        calls = [part for part in parts if isinstance(part, ast.Call) and getattr(part.func, "id", "") == "Arg"]
        options = {k.arg: k.value for call in calls for k in call.keywords}
        if "no_cli" in options or any(getattr(getattr(p, "func", None), "id", "") == "Derived" for p in parts):
            continue
        choices = _strings(options.get("choices"), constants) or _literal(parts[0]) or None
        own = options.get("cli_name")
        stem = own.value if isinstance(own, ast.Constant) else node.target.id.replace("_", "-")
        yield f"--{str(stem).removeprefix('--')}", choices
        for alias in _strings(options.get("aliases"), {}):
            yield alias, choices


def _flag(node: ast.expr) -> str | None:
    """A long flag, whose optional prefix (an f-string's) is left out."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    else:
        text = str(node.value) if isinstance(node, ast.Constant) else ""
    return text if re.fullmatch(r"--[a-z0-9][a-z0-9_-]*", text) else None


def _strings(node: ast.expr | None, constants: Mapping[str, list[str]]) -> list[str]:
    if isinstance(node, ast.Name):
        return constants.get(node.id, [])
    if isinstance(node, ast.List | ast.Tuple):
        return [e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return []


def _literal(node: ast.expr) -> list[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and getattr(part.value, "id", "") == "Literal":
            return _strings(part.slice if isinstance(part.slice, ast.Tuple) else ast.Tuple([part.slice]), {})
    return []


def main(engine: str, version: str, wheel: Path) -> dict[str, Any]:
    """The entry of the version table for a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.endswith(".py") and "/test" not in n]
        files = {n: archive.read(n).decode() for n in names if n.startswith(ENGINES[engine])}
        pattern = ENVIRONMENT.get(engine)
        texts = (archive.read(n).decode() for n in names) if pattern else ()
        environment = sorted({name for text in texts for name in (pattern.findall(text) if pattern else [])})
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()[:16]
    return {
        "engine": engine,
        "version": version,
        "source": f"{wheel.name} (sha256 {digest}...), flags that its source hands to argparse",
        "as_of": datetime.date.today(),
        "flags": derive(files),
        "environment": environment,
    }


if __name__ == "__main__":
    entry = main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    yaml.SafeDumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign, assignment]
    print(yaml.safe_dump(entry, sort_keys=False, width=120, default_flow_style=None), end="")
