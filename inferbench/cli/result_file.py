"""The file that `--save-result` writes."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..domain.redaction import redact_json
from ..interop.vllm import METRICS, VllmHeader, vllm_result
from .files import write_file

if TYPE_CHECKING:
    from ..api.bench import BenchRun
    from ..api.bench_load import BenchLoad
    from ..targets.endpoint import Endpoint


def metric(text: str) -> str:
    """Check the name of a latency metric. Raises ValueError for another name."""
    if text not in METRICS:
        raise ValueError
    return text


def percentile(text: str) -> float:
    """Read a percentile. Raises ValueError outside 0..100."""
    value = float(text)
    if not 0 <= value <= 100:
        raise ValueError
    return value


@dataclass(frozen=True)
class ResultFile:
    """Whether, where and with what the file is written."""

    wanted: bool
    directory: Path
    name: str | None
    """None: named as `vllm bench serve` names it."""
    detailed: bool
    label: str | None
    metadata: Mapping[str, str]
    metrics: Sequence[str]
    percentiles: Sequence[float]

    def content(self, endpoint: Endpoint, load: BenchLoad, done: BenchRun) -> dict[str, Any]:
        """The result under the keys and by the formulas of `vllm bench serve`."""
        began = datetime.datetime.fromtimestamp(done.began_unix)
        header = VllmHeader(
            date=f"{began:%Y%m%d-%H%M%S}",
            endpoint_type="openai-chat" if endpoint.path.endswith("/chat/completions") else "openai",
            model_id=done.model,
            num_prompts=load.requests,
            request_rate=load.request_rate,
            burstiness=load.burstiness,
            max_concurrency=load.max_concurrency,
            begin_unix=done.began_unix,
            end_unix=done.ended_unix,
            label=self.label,
            metadata=redact_json(self.metadata),
        )
        return vllm_result(
            done.records(),
            header,
            percentile_metrics=self.metrics,
            percentiles=self.percentiles,
            detailed=self.detailed,
        )

    def write(self, content: Mapping[str, Any], load: BenchLoad) -> Path:
        """Write the file and return its path. Raises UsageError where it cannot be written."""
        path = self.directory / (self.name or self._default_name(content, load))
        write_file(path, orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
        return path

    def _default_name(self, content: Mapping[str, Any], load: BenchLoad) -> str:
        rate = "inf" if math.isinf(load.request_rate) else f"{load.request_rate:g}"
        limit = f"-concurrency{load.max_concurrency}" if load.max_concurrency is not None else ""
        model = str(content["model_id"]).rsplit("/", maxsplit=1)[-1]
        return f"{self.label or content['endpoint_type']}-{rate}qps{limit}-{model}-{content['date']}.json"
