"""Reading a YAML file into a value, with errors of one line that name the file and the key; and the cache folder."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .errors import FileError
from .names import nearest

ModelT = TypeVar("ModelT", bound=BaseModel)


MAX_YAML = 2**19
"""Longest YAML file that is read, characters: five times the longest of ours."""
MAX_NODES = 200_000
"""Values that a file may come to when every alias is written out, so that a few lines cannot stand for a billion."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, where the second would silently win, and aliases without measure."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _written_out(node, {})
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Named(io.StringIO):
    """A text that errors name as a file."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def _written_out(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node comes to. Raises ConstructorError for more than MAX_NODES, and for one inside itself."""
    if id(node) not in known:
        known[id(node)] = MAX_NODES  # until it is known: whoever meets it inside itself has too much
        inner = node.value if isinstance(node.value, list) else []
        parts = (part for entry in inner for part in (entry if isinstance(entry, tuple) else (entry,)))
        known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    if known[id(node)] >= MAX_NODES:
        raise yaml.constructor.ConstructorError(
            None, None, f"its aliases stand for {MAX_NODES:,} values or more", node.start_mark
        )
    return known[id(node)]


def cache_folder() -> Path:
    """Where inferbench keeps what it can make again, after the XDG Base Directory Specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "inferbench"


def read_yaml(path: Path) -> Any:
    """Parse a YAML file. Raises FileError where it is missing, unreadable or not YAML."""
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(MAX_YAML + 1)
        if len(text) > MAX_YAML:
            raise FileError(f"{path}: has more than {MAX_YAML:,} characters, and is not read")
        return parse_yaml(text, str(path))
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise FileError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def parse_yaml(text: str, name: str) -> Any:
    """Parse the text of a file. Raises YAMLError where it is no YAML, is nested too deeply, or stands for too much."""
    try:
        return yaml.load(_Named(text, name), Loader=_UniqueKeyLoader)
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


def read_value(path: Path, model: type[ModelT]) -> ModelT:
    """Read a YAML file as `model`. Raises FileError with one line for the first thing that is wrong."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise FileError(f"{path}: must be a mapping of keys to values, not {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise FileError(f"{path}: {describe(error, model)}") from None


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Put the first error into one line: the key path, what is wrong, what is allowed, the nearest name."""
    details = error.errors()
    first = details[0]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{_key_path(first['loc'])}: {_problem(first, model)}{more}"


def _key_path(location: Sequence[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "(top level)"


def _problem(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, given = details["type"], details.get("input")
    if kind == "missing":
        return "is required and missing"
    if kind == "extra_forbidden":
        allowed = _fields_at(model, details["loc"][:-1])
        guess = nearest(str(details["loc"][-1]), allowed)
        return f"unknown key; allowed: {', '.join(allowed)}" + (f"; did you mean {guess!r}?" if guess else "")
    if kind in ("literal_error", "enum"):
        expected = details.get("ctx", {}).get("expected", "")
        allowed = [w.strip("'") for w in expected.replace(" or ", ", ").split(", ")]
        guess = nearest(str(given), allowed) if len(allowed) > 1 else None
        return f"{given!r} is not allowed; use {expected}" + (f"; did you mean {guess!r}?" if guess else "")
    message = details["msg"].removeprefix("Value error, ")
    shown = "" if kind == "value_error" or isinstance(given, (dict, list)) else f" (given {given!r})"
    return message[0].lower() + message[1:] + shown


def _fields_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys allowed at a location, found by walking the model's annotations."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = _model_in(here.model_fields[str(part)].annotation)
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg)) is not None), None)
