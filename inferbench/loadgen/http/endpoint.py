"""Where requests go: the URL of an OpenAI-compatible endpoint, the model, and what is sent along."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from inferbench.errors import UsageError
from inferbench.secrets.redact import redact
from inferbench.secrets.values import KNOWN

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint and how it is asked. Raises UsageError where the URL, the path or a header cannot be used."""

    base_url: str
    """Scheme, host, port and a path prefix if there is one: `http://127.0.0.1:8000`."""
    path: str
    """Path of the endpoint below the base URL: `/v1/completions`."""
    model: str | None = None
    """Model to ask for; None until a probe has found the only one that is served."""
    api_key: SecretStr | None = None
    """Sent as a bearer token, shown nowhere."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Extra request headers. Not shown either, since they may carry credentials."""
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Extra keys of the request body; they win over ours. Not shown, for the same reason."""
    request_id_prefix: str | None = None
    """Send `x-request-id`: this, and the request's number. None: no such header."""
    request_timeout_s: float = 6 * 60 * 60
    """Longest that one request may take from when it is handed over, s. The default is that of `vllm bench serve`."""
    stall_timeout_s: float | None = None
    """Longest that a request may go without a byte, from when it was sent or from the last one, s. None: for ever."""
    retries: int = 0
    """Times that a request is sent again after a refused connection, an HTTP 429 or a 5xx."""
    continuous_usage: bool = False
    """Ask for token counts in every chunk, as vLLM has them (`stream_options.continuous_usage_stats`)."""
    kernel_timestamps: bool = False
    """Stamp what comes with the kernel's receive times (Linux, plain http)."""
    tokenizer: Path | None = None
    """The server's tokenizer, `tokenizer.json` or its folder: it counts the text where the server sends no usage."""
    verify_tls: bool = True
    """Check the server's certificate and name."""

    def __post_init__(self) -> None:
        self._make_known()
        url = _split(self.base_url)
        if not self.path.startswith("/"):
            raise UsageError(f"endpoint path {self.path!r} must start with '/', as in /v1/completions")
        if url.path.rstrip("/").endswith("/v1") and self.path.startswith("/v1/"):
            raise UsageError(
                f"base URL {self.base_url!r} and path {self.path!r} both hold /v1: leave it out of the URL"
            )
        ids = [] if self.request_id_prefix is None else [("x-request-id", self.request_id_prefix)]
        for name, value in (*self.header_lines(), *ids):
            if any(c in name + value for c in "\r\n") or not (name + value).isascii():
                raise UsageError(f"header {name!r} holds a line break or a character that is not ASCII")
        if not self.request_timeout_s > 0:
            raise UsageError(f"request timeout {self.request_timeout_s} s must be above 0")
        if self.stall_timeout_s is not None and not self.stall_timeout_s > 0:
            raise UsageError(f"stall timeout {self.stall_timeout_s} s must be above 0")
        if self.kernel_timestamps and (self.is_tls or sys.platform != "linux"):
            raise UsageError("kernel timestamps are there for plain http on Linux only")
        if self.retries < 0:
            raise UsageError(f"retries {self.retries} must be 0 or more")

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_known()  # in the process of a worker

    def _make_known(self) -> None:
        """Have its credentials hidden wherever a text holds them, from now on."""
        if self.api_key is not None:
            KNOWN.learn(self.api_key.get_secret_value())
        for name, value in self.headers.items():
            KNOWN.learn_header(name, value)
        KNOWN.learn_json(self.extra_body)

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return _split(self.base_url).scheme == "https"

    @property
    def host(self) -> str:
        """Host name or address, without brackets."""
        return _split(self.base_url).hostname or ""

    @property
    def port(self) -> int:
        """TCP port."""
        url = _split(self.base_url)
        return url.port or DEFAULT_PORTS[url.scheme]

    @property
    def authority(self) -> str:
        """The Host header: host and, where it is not the default, port."""
        return _split(self.base_url).netloc

    def target_path(self, path: str | None = None) -> str:
        """Path on the server, the base URL's prefix included: of `path`, or of the endpoint itself."""
        return _split(self.base_url).path.rstrip("/") + (path or self.path)

    def url(self, path: str | None = None) -> str:
        """Full URL of `path`, or of the endpoint itself."""
        return self.base_url.rstrip("/") + (path or self.path)

    def header_lines(self) -> list[tuple[str, str]]:
        """Headers that every request to this server carries, the credentials included."""
        bearer = [("Authorization", f"Bearer {self.api_key.get_secret_value()}")] if self.api_key else []
        return [*bearer, *self.headers.items()]

    def tls_context(self) -> ssl.SSLContext | None:
        """TLS settings with the system's certificates; None for plain http."""
        if not self.is_tls:
            return None
        context = ssl.create_default_context()
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _split(base_url: str) -> SplitResult:
    """Split a base URL. Raises UsageError where it is not one; the message never repeats credentials."""
    shown = redact(base_url)
    try:
        url = urlsplit(base_url)
        port_fits = url.port is None or url.port > 0
        (url.hostname or "").encode("idna")  # a label that is empty or too long cannot be looked up
    except ValueError:
        raise UsageError(f"base URL {shown!r} is not a URL; write http://HOST:PORT or https://HOST:PORT") from None
    if url.username is not None or url.password is not None:
        raise UsageError("the base URL must not hold a user name or password; give an API key or a header instead")
    if url.scheme not in DEFAULT_PORTS or not url.hostname or not port_fits:
        raise UsageError(f"base URL {shown!r} cannot be used; write http://HOST:PORT or https://HOST:PORT")
    if url.query or url.fragment or not base_url.isascii() or any(c.isspace() for c in base_url):
        raise UsageError(f"base URL {shown!r} must hold no query, fragment, space or character that is not ASCII")
    return url
