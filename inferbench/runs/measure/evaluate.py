"""Asking a running deployment questions with known answers, through lm-evaluation-harness."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from inferbench.distribution import install
from inferbench.endpoint.discovery import Sight, Site, look
from inferbench.errors import EndpointError, FieldName, UsageError
from inferbench.files.whole_files import sha256
from inferbench.formats import lm_eval
from inferbench.loadgen.event_loop import run_in_loop
from inferbench.loadgen.http.endpoint import Endpoint
from inferbench.runs.measure.attached_point import HowToMeasure, canary
from inferbench.secrets.redact import excerpt, redact
from inferbench.secrets.values import KNOWN
from inferbench.store.evaluation_files import Evaluation, new_evaluation, write_evaluation
from inferbench.store.run_directory import DEFAULT_STORE

GSM8K = "gsm8k"
MIN_SCORE = 0.9
"""Share of right answers below which a launch fails gsm8k, where nobody says otherwise: that of InferenceX."""
LOG = "lm-eval.log"
PATHS = (
    "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_TOKEN_PATH", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYTHONPATH",
)  # fmt: skip
"""Variables that the harness, or what it is made of, takes for paths."""


@dataclass(frozen=True)
class Questions:
    """What is asked, and when that counts as passed."""

    dataset_file: Path | None = None
    """Questions in the schema of GSM8K, a JSON object per line; None: those that the harness downloads."""
    examples_file: Path | None = None
    """Worked examples to show before each question; None: other questions of the same file."""
    few_shot: int = 5
    limit: int | None = None
    """Ask only the first so many."""
    max_tokens: int = 4096
    """Longest answer, reasoning included."""
    concurrency: int = 16
    min_score: float = MIN_SCORE


def evaluate_gsm8k(
    site: Site,
    questions: Questions | None = None,
    *,
    ready_timeout_s: float = 0.0,
    store: str | Path = DEFAULT_STORE,
    command: Sequence[str] = (),
) -> Evaluation:
    """Ask a running deployment the questions of GSM8K, graded by the harness, and keep the score with its fingerprint.

    `site` is where it runs; `questions` are those asked, and when they count as passed; `ready_timeout_s` is how long
    to wait until it answers, s. The result holds shares of right answers with standard errors and is kept in `store`,
    with `command` as what was typed; the harness's samples and log lie beside it. The task is gsm8k of
    lm-evaluation-harness. Raises EndpointError where the site cannot be asked or the harness gives up, FileError for
    questions that cannot be used, UsageError where the harness is not installed.
    """
    asked = questions or Questions()
    harness, asked = _installed(), _usable(asked)
    seen = run_in_loop(look(site, ready_timeout_s))
    endpoint = seen.endpoints[0]
    run_in_loop(canary(endpoint, HowToMeasure()))
    directory = new_evaluation(Path(store), seen.identity.launch_fingerprint or "")
    began = time.time()
    with tempfile.TemporaryDirectory() as scratch:
        task = _write_task(Path(scratch), harness, asked)
        _run(endpoint, asked, task, Path(scratch), directory)
    result = _result(seen, asked, task, directory, began, command)
    write_evaluation(directory, result)
    return result


def _installed() -> Path:
    """Where the harness lies. Raises UsageError where it does not."""
    found = importlib.util.find_spec("lm_eval")
    if found is None or found.origin is None:
        raise UsageError(f"lm-evaluation-harness is not installed: {install('eval')}")
    return Path(found.origin).parent


def _usable(asked: Questions) -> Questions:
    """Check the files of questions. Raises FileError, UsageError."""
    if asked.dataset_file is None:
        if asked.examples_file is not None:
            raise UsageError(FieldName("examples_file"), " goes with ", FieldName("dataset_file"))
        return asked
    there = lm_eval.count_questions(asked.dataset_file)
    examples = there - 1 if asked.examples_file is None else lm_eval.count_questions(asked.examples_file)
    if examples < asked.few_shot:
        raise UsageError(
            f"{asked.examples_file or asked.dataset_file} has only {examples} examples to show before a question, and ",
            FieldName("few_shot"),
            f" asks for {asked.few_shot}",
        )
    return asked


def _write_task(scratch: Path, harness: Path, asked: Questions) -> str:
    """Write the task where questions come from a file; return its name."""
    if asked.dataset_file is None:
        return GSM8K
    task = lm_eval.task_from_file(harness, asked.dataset_file, asked.examples_file)
    (scratch / f"{lm_eval.TASK}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    return lm_eval.TASK


def _run(endpoint: Endpoint, asked: Questions, task: str, scratch: Path, directory: Path) -> None:
    """Run the harness in a process of its own, and keep what it printed. Raises EndpointError where it gives up."""
    ask = lm_eval.Harness(
        model=endpoint.model or "",
        url=endpoint.url(),
        chat=endpoint.path.rstrip("/").endswith("/chat/completions"),
        concurrency=asked.concurrency,
        max_tokens=asked.max_tokens,
        timeout_s=endpoint.request_timeout_s,
        few_shot=asked.few_shot,
        limit=asked.limit,
        verify_tls=endpoint.verify_tls,
        headers=dict(endpoint.headers),
    )
    include = scratch if task == lm_eval.TASK else None
    config = scratch / "run.yml"
    config.write_text(yaml.safe_dump(lm_eval.run_config(ask, task, include, directory)), encoding="utf-8")
    key = {"OPENAI_API_KEY": endpoint.api_key.get_secret_value() if endpoint.api_key else ""}
    local = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_CACHE": str(scratch / "datasets")}
    env = {**os.environ, **_paths(), **key, **(local if include else {}), "TQDM_DISABLE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lm_eval", "run", "--config", str(config)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=scratch, check=False,
        )  # fmt: skip
    finally:  # also after Ctrl-C
        _clean(directory)
    log = redact(done.stdout)
    (directory / LOG).write_text(log, encoding="utf-8")
    if done.returncode != 0:
        raise EndpointError(f"the harness gave up: {_why(log)} (all that it said: {directory / LOG})")


def _paths() -> dict[str, str]:
    """PATHS as they are meant here: the harness works in a folder of its own, where nothing of ours shadows a task."""
    told = {name: os.environ[name].split(os.pathsep) for name in PATHS if os.environ.get(name)}
    return {name: os.pathsep.join(map(os.path.abspath, places)) for name, places in told.items()}


def _clean(directory: Path) -> None:
    """Hide our credentials in what the harness wrote: it keeps the headers that it was given, and errors that echo."""
    for path in (path for path in directory.rglob("*") if path.is_file()):
        said = path.read_text(encoding="utf-8", errors="surrogateescape")
        if (clean := KNOWN.hide(said)) != said:
            path.write_text(clean, encoding="utf-8", errors="surrogateescape")


def _why(log: str) -> str:
    """The first exception in a log, else its last line."""
    lines = [line for line in log.partition("Traceback (most recent call last)")[2].splitlines()[1:] if line.strip()]
    raised = next((line for line in lines if not line[0].isspace()), None)
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "it said nothing")
    return excerpt(raised or last, 200)


def _result(
    seen: Sight, asked: Questions, task: str, directory: Path, began: float, command: Sequence[str]
) -> Evaluation:
    scores = lm_eval.read_results(directory, task)
    file = asked.dataset_file
    return Evaluation(
        evaluation_id=directory.name,
        task=GSM8K,
        fingerprint=seen.identity.launch_fingerprint or "",
        engine=seen.identity.engine,
        engine_version=seen.identity.engine_version,
        model=seen.identity.model,
        base_url=seen.endpoints[0].base_url,
        harness=f"lm-evaluation-harness {scores.version}",
        dataset=f"{file.name}, SHA-256 {sha256(file)[:12]}" if file else "openai/gsm8k",
        questions=scores.questions,
        few_shot=asked.few_shot,
        scores=scores.scores,
        stderr=scores.stderr,
        scored_by=lm_eval.COUNTS,
        min_score=asked.min_score,
        began_unix=began,
        ended_unix=time.time(),
        command=tuple(command),
    )
