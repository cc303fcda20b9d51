"""Accuracy results of a store: by launch fingerprint, beside the runs."""

from __future__ import annotations

import datetime
import re
import secrets
from pathlib import Path

from pydantic import ValidationError

from inferbench.errors import StoreError
from inferbench.files.untrusted_files import inside, read_document
from inferbench.files.whole_files import write_whole
from inferbench.files.yaml_values import describe
from inferbench.store.evaluation import Evaluation

EVALUATIONS = ".evals"
RESULT = "evaluation.json"
NAME = re.compile(r"[A-Za-z0-9]{1,64}")
"""A fingerprint. What the manifest of somebody else's run calls one may be a path that leads anywhere."""


def new_evaluation(store: Path, fingerprint: str) -> Path:
    """Make the directory of a new evaluation. Raises StoreError where the store cannot be written."""
    now = datetime.datetime.now(datetime.UTC)
    path = inside(store / EVALUATIONS, fingerprint) / f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror}") from None
    return path


def write_evaluation(directory: Path, evaluation: Evaluation) -> None:
    """Write the result of an evaluation into its directory."""
    write_whole(directory / RESULT, (evaluation.model_dump_json(indent=2) + "\n").encode())


def read_evaluations(store: Path, fingerprint: str) -> tuple[Evaluation, ...]:
    """Read all results of a launch, oldest first. Raises StoreError for one that is damaged."""
    if not NAME.fullmatch(fingerprint):
        return ()
    paths = (store / EVALUATIONS / fingerprint).glob(f"*/{RESULT}")
    return tuple(sorted((_read(path) for path in paths), key=lambda evaluation: evaluation.ended_unix))


def _read(path: Path) -> Evaluation:
    try:
        return Evaluation.model_validate_json(read_document(path.parent, path.name))
    except ValidationError as error:
        raise StoreError(f"{path}: damaged: {describe(error, Evaluation)}") from None
