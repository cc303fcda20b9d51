"""Options that several commands take as they are, each declared here once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

DEFAULT_HOST = "127.0.0.1"
DEFAULT_URL = f"http://{DEFAULT_HOST}:8000"

SCENARIO = Argument(help="A scenario file, or the name of one that comes with inferbench.")
MEASURED = Option(help="CSV of measured points, in InferenceX's columns.")

RunDirectory = Annotated[Path, Argument(help="A run directory.")]
Json = Annotated[bool, Option("--json", help="Print machine-readable results.")]
JsonForTable = Annotated[bool, Option("--json", help="Print JSON instead of a table.")]
ListenOn = Annotated[str, Option(help="Address to listen on.")]
AnyPort = Annotated[int, Option(min=0, max=65535, help="0: any free port.")]

BaseUrl = Annotated[
    list[str] | None,
    Option(
        "--base-url",
        "--url",
        help="Scheme, host and port; several get requests in turn.",
        show_default=DEFAULT_URL,
    ),
]
EndpointPath = Annotated[str, Option("--endpoint", help="/v1/completions, /v1/chat/completions or /generate.")]
Model = Annotated[str | None, Option(help="Model to ask for; by default the one that is served.")]
Tokenizer = Annotated[Path | None, Option(help="The server's tokenizer.json, or its folder: prompts are then exact.")]
RequestTimeout = Annotated[float, Option(help="Longest time for one request, s.")]
ReadyTimeout = Annotated[float, Option("--ready-check-timeout-sec", min=0, help="How long to wait for the endpoint.")]
FlushCache = Annotated[bool, Option(help="Empty the server's prefix cache first, where it has a way to.")]
StoreToWrite = Annotated[Path, Option(help="Where runs are written.")]
