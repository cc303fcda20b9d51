"""The options of `inferbench bench`, under the names that `vllm bench serve` gave them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option

BaseUrl = Annotated[str, Option("--base-url", "--url", help="Scheme, host and port.")]
EndpointPath = Annotated[str, Option("--endpoint", help="/v1/completions or /v1/chat/completions.")]
Model = Annotated[str | None, Option(help="Model to ask for; by default the one that is served.")]
Header = Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Extra request header.")]
ExtraBody = Annotated[str | None, Option(metavar="JSON", help="Extra keys of the request body.")]
Insecure = Annotated[bool, Option("--insecure", help="Do not check the server's certificate.")]
RequestTimeout = Annotated[float, Option(help="Longest time for one request, s.")]
ReadyTimeout = Annotated[float, Option("--ready-check-timeout-sec", min=0, help="How long to wait for the endpoint.")]

NumPrompts = Annotated[int, Option("--num-prompts", "--request-count", help="Requests to send.")]
MaxConcurrency = Annotated[
    list[str] | None,
    Option("--max-concurrency", "--concurrency", help="Most requests in flight; several make a sweep."),
]
RequestRate = Annotated[float, Option(help="Requests/s; inf: all are due at once.")]
Burstiness = Annotated[float, Option(help="Shape of the gamma-distributed gaps; 1 is Poisson.")]
Isl = Annotated[int, Option("--isl", "--random-input-len", "--input-len", min=1, help="Prompt tokens.")]
Osl = Annotated[int, Option("--osl", "--random-output-len", "--output-len", min=1, help="Tokens to generate.")]
RangeRatio = Annotated[
    float, Option("--random-range-ratio", min=0, max=0.999, help="r: lengths are uniform over L(1-r)..L(1+r).")
]
NumWarmups = Annotated[int, Option(help="Requests sent before and not counted.")]
IgnoreEos = Annotated[bool, Option(help="Generate exactly --osl tokens.")]
Seed = Annotated[int, Option(min=0, help="Seed of lengths, prompts and arrivals.")]
MaxErrorRate = Annotated[float, Option(min=0, max=1, help="Stop when a larger share fails (exit code 7).")]
Gpus = Annotated[int, Option(min=1, help="GPUs of the deployment, for figures per GPU.")]

Store = Annotated[Path, Option(help="Where runs are written.")]
SaveResult = Annotated[bool, Option("--save-result", help="Write a file with the keys of `vllm bench serve`.")]
SaveDetailed = Annotated[bool, Option("--save-detailed", help="... with per-request lists.")]
ResultDir = Annotated[Path | None, Option(help="Directory of that file; implies --save-result.")]
ResultFilename = Annotated[str | None, Option(help="Name of that file; implies --save-result.")]
PercentileMetrics = Annotated[list[str] | None, Option(help="Latencies in it.", show_default="ttft,tpot,itl")]
MetricPercentiles = Annotated[list[str] | None, Option(help="Percentiles in it.", show_default="99")]
Metadata = Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Extra keys in it.")]
Label = Annotated[str | None, Option(help="Begins its name, and stands in it.")]
Json = Annotated[bool, Option("--json", help="Print that file's content instead of a table.")]
