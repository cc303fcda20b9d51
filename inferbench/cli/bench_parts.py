"""Options of `inferbench bench` put together into the values that the API takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..domain.errors import UsageError
from .bench_options import Dataset, RampStrategy
from .lists import parse_list

if TYPE_CHECKING:
    from ..api.bench_load import TraceFile
    from ..targets.endpoint import Endpoint
    from ..workload.arrivals import RateRamp
    from ..workload.makers import PromptSource
    from ..workload.structure import SharedPrefix, Turns

DEFAULT_URL = "http://127.0.0.1:8000"


def endpoints_of(
    urls: Sequence[str] | None, *, key_file: Path | None, extra_body: str | None, **rest: Any
) -> list[Endpoint]:
    """One endpoint per URL, all else the same. Raises UsageError for what cannot be used."""
    from ..targets.endpoint import Endpoint
    from ..targets.keys import api_key_from

    key = api_key_from("OPENAI_API_KEY", key_file)
    body = _object(extra_body)
    given = parse_list("--base-url", urls or [DEFAULT_URL], str, "a URL")
    return [Endpoint(base_url=url, api_key=key, extra_body=body, **rest) for url in given]


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"--extra-body: not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise UsageError("--extra-body: must be a JSON object, as in '{\"top_p\": 0.9}'")
    return body


def ramp_of(strategy: RampStrategy | None, start: float | None, end: float | None) -> RateRamp | None:
    """The rate ramp; all three options or none."""
    from ..workload import arrivals

    if strategy is None and start is None and end is None:
        return None
    if strategy is None or start is None or end is None:
        raise UsageError("a ramp needs --ramp-up-strategy, --ramp-up-start-rps and --ramp-up-end-rps together")
    return arrivals.RateRamp(arrivals.RampStrategy(strategy.value), start, end)


def prompts_of(dataset: Dataset, path: Path | None, tokenizer: Path | None, vocab_size: int | None) -> PromptSource:
    """Where prompts come from. Raises UsageError for a data set without a file, or a file without a data set."""
    from ..workload.makers import PromptSource

    made_up = dataset in (Dataset.RANDOM, Dataset.RANDOM_IDS)
    if made_up != (path is None):
        what = "has no file; leave out --dataset-path" if made_up else "needs --dataset-path"
        raise UsageError(f"--dataset-name {dataset.value} {what}")
    return PromptSource(
        tokenizer=tokenizer,
        sharegpt=path if dataset is Dataset.SHAREGPT else None,
        trace=path if dataset is Dataset.MOONCAKE else None,
        token_ids=dataset is Dataset.RANDOM_IDS,
        vocab_size=vocab_size,
    )


def trace_of(dataset: Dataset, path: Path | None, **how: Any) -> TraceFile | None:
    """The trace to replay; None where lengths are drawn. Conversations are replayed whole with --num-turns above 1."""
    from ..api.bench_load import TraceFile

    if path is not None:
        return TraceFile(dataset.value, path, **how)
    useless = {"--trace-block-size": how["block_size"], "--trace-time-unit": how["time_unit"]}
    if given := [name for name, value in useless.items() if value is not None]:
        raise UsageError(f"{given[0]} is for a trace; --dataset-name {dataset.value} is none")
    return None


def turns_of(dataset: Dataset, count: int, think_s: float) -> Turns | None:
    """Sessions of made-up text; None where each request stands alone or a trace has sessions of its own."""
    from ..workload.structure import Turns

    made_up = dataset in (Dataset.RANDOM, Dataset.RANDOM_IDS)
    return Turns(count, think_s) if made_up and count > 1 else None


def shared_of(tokens: int, groups: int) -> SharedPrefix | None:
    """What prompts share; None for nothing."""
    from ..workload.structure import SharedPrefix

    return SharedPrefix(tokens, groups) if tokens else None
