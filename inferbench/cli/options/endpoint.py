"""What is sent to an endpoint with every request, and how: the options that `bench`, `run` and `eval` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from typer import Option
from typing_extensions import override

from inferbench.cli.dropin.names import CHAT, GENERATE
from inferbench.cli.lists import parse_list, parse_pairs
from inferbench.cli.options import shared
from inferbench.errors import UsageError

if TYPE_CHECKING:
    from inferbench.loadgen.http.endpoint import Endpoint


@dataclass(frozen=True)
class HeaderOptions:
    """Headers of a request. They may carry credentials, as keys of a body may, and are not shown."""

    header: Annotated[list[str] | None, Option(metavar="KEY=VALUE", help="Extra request header.")] = field(
        default=None, repr=False
    )

    def sent(self, path: str) -> dict[str, Any]:
        """What an `Endpoint` at this path sends with every request. Raises UsageError for what cannot be used."""
        del path
        return {"headers": parse_pairs("--header", self.header or [], hidden=True)}


@dataclass(frozen=True)
class BodyOptions(HeaderOptions):
    """Headers, and keys of the body."""

    extra_body: Annotated[
        str | None, Option(metavar="JSON", help="Extra keys of the request body; null takes one of ours out.")
    ] = field(default=None, repr=False)

    @override
    def sent(self, path: str) -> dict[str, Any]:
        return {**super().sent(path), "extra_body": _object("--extra-body", self.extra_body)}


@dataclass(frozen=True)
class SamplingOptions(BodyOptions):
    """... and what other load generators have flags for."""

    sampling: Annotated[str | None, Option(metavar="JSON", hidden=True, help="What --top-p and the like came to.")] = (
        None
    )
    request_id_prefix: Annotated[
        str | None, Option("--request-id-prefix", help="Send x-request-id, which is this and the request's number.")
    ] = None

    @override
    def sent(self, path: str) -> dict[str, Any]:
        known = super().sent(path)
        body = _with_sampling(path, _object("--sampling", self.sampling), known["extra_body"])
        return {**known, "extra_body": body, "request_id_prefix": self.request_id_prefix}


@dataclass(frozen=True)
class AccessOptions:
    """Who asks, and how long an answer may take."""

    api_key_file: Annotated[Path | None, Option(help="File that holds the API key, instead of OPENAI_API_KEY.")] = None
    insecure: Annotated[bool, Option("--insecure", help="Do not check the server's certificate.")] = False
    request_timeout: shared.RequestTimeout = 21600

    @property
    def used(self) -> dict[str, Any]:
        """What an `Endpoint` takes of it. Raises FileError for a key file that cannot be used."""
        from inferbench.endpoint.api_keys import api_key_from

        return {
            "api_key": api_key_from("OPENAI_API_KEY", self.api_key_file),
            "request_timeout_s": self.request_timeout,
            "verify_tls": not self.insecure,
        }


def endpoints_of(
    urls: Sequence[str], path: str, sent: HeaderOptions, access: AccessOptions, **rest: Any
) -> list[Endpoint]:
    """One endpoint per URL; all else the same. Raises UsageError for what cannot be used."""
    from inferbench.loadgen.http.endpoint import Endpoint

    known = {**access.used, **sent.sent(path), **rest}
    return [Endpoint(base_url=url, path=path, **known) for url in parse_list("--base-url", urls, str, "a URL")]


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
