"""Reading a YAML file into a value, with errors of one line that name the file and the key; and the cache folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from inferbench.errors import FileError
from inferbench.files.spelling import nearest
from inferbench.files.yaml_text import parse

ModelT = TypeVar("ModelT", bound=BaseModel)
MOST_BYTES = 2 * 2**20
"""Of a YAML file: the largest that is known here, a master configuration, has a fifth of that."""
SHOWN = 60
"""Characters of a bad value that an error shows."""


def cache_folder() -> Path:
    """Where inferbench keeps what it can make again, after the XDG Base Directory Specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "inferbench"


def read_text(path: Path) -> str:
    """Read a file of text. Raises FileError where it is missing, unreadable, too large or not UTF-8."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise FileError(f"{path}: larger than {MOST_BYTES >> 20} MiB, which no file of this kind is")
        return content.decode("utf-8")
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:  # ValueError: a path that no file can have
        raise FileError(f"{path}: cannot be read: {error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file of text. Raises FileError where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None


def read_yaml(path: Path) -> Any:
    """Parse a YAML file. Raises FileError where it is missing, unreadable, too large or not YAML."""
    text = read_text(path)
    try:
        return parse(text)
    except ValueError as error:
        raise FileError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise FileError(f"{path}: not valid YAML: {_what_yaml_says(error)}") from None


def _what_yaml_says(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    said = [part for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part]
    return where + " ".join((", ".join(said) or str(error)).split())


def read_value(path: Path, model: type[ModelT]) -> ModelT:
    """Read a YAML file as `model`. Raises FileError with one line for the first thing that is wrong."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise FileError(f"{path}: must be a mapping of keys to values, not {type(data).__name__}")
    try:
        return as_value(data, model)
    except ValidationError as error:
        raise FileError(f"{path}: {describe(error, model)}") from None


def as_value(data: Any, model: type[ModelT]) -> ModelT:
    """Return what a YAML file holds as `model`: true is no number, "64" neither, and a day is written as a day.

    Raises ValidationError.
    """
    return model.model_validate_json(json.dumps(data), strict=True)


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Put the first error into one line: the key path, what is wrong, what is allowed, the nearest name."""
    details = error.errors()
    first = details[0]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return _one_line(f"{_key_path(first['loc'])}: {_problem(first, model)}{more}")


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _key_path(location: Sequence[int | str]) -> str:
    path = ""
    for part in location:
        if part == "[key]":  # pydantic's mark for what is wrong with the key itself
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{_short(part)}" if path else _short(part)
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
        return f"{_short(repr(given))} is not allowed; use {expected}" + (f"; did you mean {guess!r}?" if guess else "")
    message = details["msg"].removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    shown = "" if kind == "value_error" or isinstance(given, (dict, list)) else f" (given {_short(repr(given))})"
    quoted = "; put it in quotes" if kind == "string_type" and isinstance(given, (bool, int, float)) else ""
    begins = message[0] if message[1:2].isupper() else message[0].lower()
    return begins + message[1:] + shown + quoted


_WORDS = {
    "a valid array": "a list",
    "a valid tuple": "a list",
    "Tuple should": "List should",
    " after validation": "",
    "an object": "a mapping of keys to values",
}
"""What the checks of values call things, and what they are in a YAML file."""


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


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
