"""Options of `inferbench bench` put together into the values that the API takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from inferbench.cli.bench.options import RampStrategyOption
from inferbench.cli.dropin.names import BACKENDS, CHAT, GENERATE, ClientBackend
from inferbench.cli.lists import parse_list
from inferbench.errors import UsageError
from inferbench.files.spelling import unknown

if TYPE_CHECKING:
    from inferbench.loadgen.http.endpoint import Endpoint
    from inferbench.workload.arrivals import RateRamp

DEFAULT_HOST = "127.0.0.1"


def endpoints_of(
    urls: Sequence[str] | None,
    *,
    key_file: Path | None,
    extra_body: str | None,
    path: str,
    sampling: str | None = None,
    address: tuple[str | None, int | None] = (None, None),
    **rest: Any,
) -> list[Endpoint]:
    """One endpoint per URL, or at host and port; all else the same. Raises UsageError for what cannot be used."""
    from inferbench.endpoint.api_keys import api_key_from
    from inferbench.loadgen.http.endpoint import Endpoint

    key = api_key_from("OPENAI_API_KEY", key_file)
    body = _with_sampling(path, _object("--sampling", sampling), _object("--extra-body", extra_body))
    given = parse_list("--base-url", urls or [_url(*address)], str, "a URL")
    return [Endpoint(base_url=url, path=path, api_key=key, extra_body=body, **rest) for url in given]


def _url(host: str | None, port: int | None) -> str:
    host = host or DEFAULT_HOST
    return f"http://{f'[{host}]' if ':' in host else host}:{port or 8000}"


def _object(option: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{option}: not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise UsageError(f"{option}: must be a JSON object, as in '{{\"top_p\": 0.9}}'")
    try:
        orjson.dumps(body)
    except orjson.JSONEncodeError:  # it reads what it does not write
        raise UsageError(f"{option}: is nested too deeply") from None
    return body


def _with_sampling(path: str, sampling: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The extra keys of a body, with sampling parameters where the dialect of `path` has them. `extra` wins."""
    logprobs = sampling.pop("logprobs", None)
    if path.endswith(GENERATE):
        given = extra.get("sampling_params", {})
        inner = {**sampling, **given} if isinstance(given, dict) else given
        asked = {} if logprobs is None else {"return_logprob": True, "top_logprobs_num": logprobs}
        return {**asked, **extra, **({"sampling_params": inner} if inner else {})}
    if logprobs is not None:
        in_chat = path.endswith(CHAT.removeprefix("/v1"))
        sampling |= {"logprobs": True, "top_logprobs": logprobs} if in_chat else {"logprobs": logprobs}
    return {**sampling, **extra}


def backend_of(name: str | None, path: str | None) -> ClientBackend:
    """The backend of a name, with the path that is asked for. Raises UsageError for an unknown one, or another path."""
    if name is None:
        return ClientBackend(path or BACKENDS["openai"].path)
    if name not in BACKENDS:
        raise UsageError(unknown("backend", name, BACKENDS))
    backend = BACKENDS[name]
    if path is None:
        return backend
    if _dialect(path) != _dialect(backend.path):
        raise UsageError(f"--backend {name} speaks {backend.path}, not --endpoint {path}; leave one of the two out")
    return backend._replace(path=path)


def _dialect(path: str) -> str:
    """The end of a path that tells the dialect."""
    known = sorted({backend.path.removeprefix("/v1") for backend in BACKENDS.values()}, key=len, reverse=True)
    return next((end for end in known if path.rstrip("/").endswith(end)), path)


def ramp_of(strategy: RampStrategyOption | None, start: float | None, end: float | None) -> RateRamp | None:
    """The rate ramp; all three options or none."""
    from inferbench.workload import arrivals

    if strategy is None and start is None and end is None:
        return None
    if strategy is None or start is None or end is None:
        raise UsageError("a ramp needs --ramp-up-strategy, --ramp-up-start-rps and --ramp-up-end-rps together")
    return arrivals.RateRamp(arrivals.RampStrategy(strategy.value), start, end)


def workers_of(text: str) -> int | Literal["auto"]:
    """How many workers. Raises UsageError."""
    if text == "auto":
        return "auto"
    (number,) = parse_list("--workers", [text], int, "a whole number or auto") or [0]
    if number < 1:
        raise UsageError(f"--workers {text} must be at least 1, or auto")
    return number
