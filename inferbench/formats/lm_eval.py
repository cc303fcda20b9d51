"""The formats of lm-evaluation-harness: its task and run configurations, its results, and the files of GSM8K."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from inferbench.errors import FileError

TASK = "inferbench_gsm8k"
"""The harness's own gsm8k, asked from a file."""
COUNTS = "flexible-extract"
"""Which of its two readings of an answer counts: the last number in it, whatever stands before."""


@dataclass(frozen=True, slots=True)
class Harness:
    """How the harness asks."""

    model: str
    url: str
    """Full URL of the endpoint."""
    chat: bool
    concurrency: int
    max_tokens: int
    timeout_s: float
    few_shot: int
    limit: int | None
    verify_tls: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scores:
    """What came of it."""

    version: str
    questions: int
    scores: dict[str, float]
    stderr: dict[str, float]


def run_config(ask: Harness, task: str, include: Path | None, output: Path) -> dict[str, Any]:
    """The file that `lm_eval run --config` takes, which may be read in another working directory than this one's."""
    model_args: dict[str, Any] = {
        "model": ask.model,
        "base_url": ask.url,
        "tokenizer_backend": "none",
        "tokenized_requests": False,
        "num_concurrent": ask.concurrency,
        "max_gen_toks": ask.max_tokens,
        "timeout": int(ask.timeout_s),
        "max_retries": 3,
        "verify_certificate": ask.verify_tls,
    }
    if ask.headers:
        model_args["header"] = dict(ask.headers)
    return {
        "model": "local-chat-completions" if ask.chat else "local-completions",
        "model_args": model_args,
        "tasks": [task],
        "num_fewshot": ask.few_shot,
        "limit": ask.limit,
        "apply_chat_template": ask.chat,
        "include_path": None if include is None else str(include.absolute()),
        "output_path": str(output.absolute()),
        "log_samples": True,
    }


def task_from_file(harness: Path, questions: Path, examples: Path | None) -> dict[str, Any]:
    """A task that is the harness's gsm8k but for where its questions come from; `harness` is the harness's package.

    Without a file of examples the other questions of the same file are shown before each: the harness leaves out the
    one that is asked.
    """
    files = {"test": str(questions.absolute())}
    if examples is not None:
        files["train"] = str(examples.absolute())
    split = "test" if examples is None else "train"
    return {
        "include": str(harness / "tasks" / "gsm8k" / "gsm8k.yaml"),
        "task": TASK,
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": files},
        "training_split": None if examples is None else "train",
        "fewshot_split": split,
    }


def count_questions(path: Path) -> int:
    """Check a JSON-lines file of GSM8K's schema and count its questions. Raises FileError naming the first bad line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    count = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            _check(f"{path}:{number}", line)
            count += 1
    if not count:
        raise FileError(f"{path}: holds no questions")
    return count


def _check(where: str, line: bytes) -> None:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FileError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("question", "answer")):
        raise FileError(f"{where}: must be an object with the texts `question` and `answer`, as in GSM8K")
    if "#### " not in entry["answer"]:
        raise FileError(f"{where}: the answer must end with `#### ` and the number, as in GSM8K")


def read_results(output: Path, task: str) -> Scores:
    """Read what the harness wrote below `output`. Raises FileError where there is nothing to read."""
    path = next(iter(sorted(output.rglob("results_*.json"))), None)
    if path is None:
        raise FileError(f"{output}: the harness wrote no results")
    try:
        document = orjson.loads(path.read_bytes())
        figures = document["results"][task]
        scores = {key.partition(",")[2]: float(v) for key, v in figures.items() if key.startswith("exact_match,")}
        stderr = {
            key.partition(",")[2]: float(value)
            for key, value in figures.items()
            if key.startswith("exact_match_stderr,") and isinstance(value, (int, float))
        }
        questions = int(document["n-samples"][task]["effective"])
        version = str(document.get("lm_eval_version", "unknown"))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path}: not a result of the harness: {error}") from None
    if COUNTS not in scores:
        raise FileError(f"{path}: holds no score {COUNTS!r}")
    return Scores(version, questions, scores, stderr)
