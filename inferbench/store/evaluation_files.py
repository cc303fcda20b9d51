"""Accuracy results of a store: by launch fingerprint, beside the runs."""

from __future__ import annotations

import datetime
import re
import secrets
from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError

from inferbench.errors import StoreError
from inferbench.files.number_limits import UnixTime
from inferbench.files.untrusted_files import inside, read_document
from inferbench.files.whole_files import write_whole
from inferbench.files.yaml_values import describe
from inferbench.secrets.command_lines import Command
from inferbench.values import Value


class Evaluation(Value):
    """One accuracy run against one launch."""

    evaluation_id: str
    task: str
    """What was asked, as in gsm8k."""
    fingerprint: str
    """`Attachment.fingerprint` of the launch that answered."""
    engine: str | None
    engine_version: str | None
    model: str
    base_url: str
    harness: str
    """Whose questions, prompts and grading, with its version."""
    dataset: str
    """Where the questions came from: the file's name and the beginning of its SHA-256, or the harness's own."""
    questions: PositiveInt
    few_shot: NonNegativeInt
    scores: dict[str, float]
    """Share of right answers by each way that the harness has to read an answer."""
    stderr: dict[str, float]
    """Standard error of each, where there is one."""
    scored_by: str
    """The way that counts."""
    min_score: float = Field(ge=0, le=1)
    began_unix: UnixTime
    ended_unix: UnixTime
    command: Command = ()

    @property
    def score(self) -> float:
        """Share of right answers, read in the way that counts."""
        return self.scores[self.scored_by]

    @property
    def passed(self) -> bool:
        """Whether the launch answers right often enough."""
        return self.score >= self.min_score


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
