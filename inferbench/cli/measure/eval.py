"""`inferbench eval`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from inferbench.cli.measure.attached import SiteOptions
from inferbench.cli.options import shared
from inferbench.cli.options.endpoint import AccessOptions, HeaderOptions
from inferbench.cli.options.flags import Fills
from inferbench.cli.options.groups import grouped
from inferbench.cli.output import put
from inferbench.errors import ExitCode, UsageError
from inferbench.store.run_directory import DEFAULT_STORE

app = typer.Typer(help="How right a deployment's answers are.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """How right a deployment's answers are."""


@dataclass(frozen=True)
class AskedSiteOptions(SiteOptions):
    """A deployment that is asked in chats."""

    endpoint: shared.EndpointPath = "/v1/chat/completions"


@dataclass(frozen=True)
class AskedAccessOptions(AccessOptions):
    """Access to one whose answers are long and alone."""

    request_timeout: shared.RequestTimeout = 600


@app.command()
@grouped
def gsm8k(
    *,
    base_url: shared.BaseUrl = None,
    parts: AskedSiteOptions,
    dataset_file: Annotated[
        Path | None,
        typer.Option(help="Questions in GSM8K's schema, JSON lines.", show_default="downloaded by the harness"),
    ] = None,
    examples_file: Annotated[
        Path | None, typer.Option(help="Worked examples to show.", show_default="other questions of the file")
    ] = None,
    num_fewshot: Annotated[
        int, typer.Option(min=0, help="Worked examples shown before each question."), Fills("few_shot")
    ] = 5,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask only the first so many.")] = None,
    max_gen_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, reasoning included.")] = 4096,
    concurrency: Annotated[int, typer.Option(min=1, help="Questions asked at once.")] = 16,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Share of right answers that passes.")] = 0.9,
    sent: HeaderOptions,
    access: AskedAccessOptions,
    ready_check_timeout_sec: shared.ReadyTimeout = 0,
    store: shared.StoreToWrite = DEFAULT_STORE,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> ExitCode:
    """Ask the questions of GSM8K, graded by lm-evaluation-harness.

    The score is kept in the store under the launch's fingerprint, and stands beside every throughput that was
    measured on the same launch. Give the same URLs as to `inferbench run`. Exit code 1 where the score is too low.
    """
    from inferbench.cli.console import say
    from inferbench.runs.measure.evaluate import Questions, evaluate_gsm8k
    from inferbench.runs.report.accuracy import sentence

    if parts.endpoint.rstrip("/").endswith("/generate"):
        raise UsageError("--endpoint: the harness speaks /v1/completions and /v1/chat/completions")
    site = parts.site(base_url, sent, access)
    questions = Questions(dataset_file, examples_file, num_fewshot, limit, max_gen_tokens, concurrency, min_score)
    result = evaluate_gsm8k(site, questions, ready_timeout_s=ready_check_timeout_sec, store=store, command=sys.argv)
    if json:
        put(result.model_dump_json(indent=2).encode() + b"\n")
    else:
        say(f"{sentence(result)} Launch {result.fingerprint}.")
    return ExitCode.OK if result.passed else ExitCode.REGRESSED
