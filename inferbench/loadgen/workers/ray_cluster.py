"""Joining a Ray cluster, or starting one on this machine, with the token that Ray asks for since 2.60."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import Any

from inferbench.errors import FieldName, UsageError

LOCAL = "local"
"""As an address: start a cluster on this machine alone, for as long as the load goes on."""
CONNECT_S = 5.0
"""Longest that a cluster's port may take to accept, s."""

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
"""Variables by which Ray is told whether there are tokens, and this process's (ray-security/token-auth of its docs)."""


def prepare(address: str) -> None:
    """Make Ray's settings, which it reads when it is imported.

    It sends no usage statistics. A cluster of this machine alone stays on the loopback interface and has a token of its
    own: Ray 2.60 would make one for the user, in a file that later clusters would take as a wish.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address != LOCAL:
        return
    # What keeps Ray to loopback on Windows and macOS does so here, too.
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    if MODE not in os.environ and not _has_token():
        # Both stay set: Ray reads the token once in a process, and a second cluster must have the same.
        os.environ |= {MODE: "token", TOKEN: secrets.token_hex(32)}


def connect(ray: Any, address: str) -> None:
    """Join the cluster, or start one. Raises UsageError, in one line, where it cannot be had."""
    _reach(address)
    settings = {"include_dashboard": False, "num_cpus": os.cpu_count()} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="error", **settings)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UsageError(FieldName("ray"), f" {address}: {_why(ray, address, error)}") from None


def _reach(address: str) -> None:
    """Raise UsageError where nobody listens at HOST:PORT: Ray itself would try for two minutes."""
    host, _, port = address.rpartition(":")
    if "/" in host or not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        why = "no answer" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or error
        raise UsageError(FieldName("ray"), f" {address}: no cluster there: {why}") from None


def _why(ray: Any, address: str, error: Exception) -> str:
    """Say why a cluster was not joined. What Ray raises where a token is missing or wrong does not name it."""
    listens = address not in (LOCAL, "auto") and isinstance(error, ConnectionError)
    if not listens and not isinstance(error, getattr(ray.exceptions, "AuthenticationError", ())):
        return f"no cluster there: {' '.join(str(error).split())}"
    begin = "something listens there, and Ray could not join it" if listens else "Ray asks for a token"
    return (
        f"{begin}: {_lacks()}. For a cluster with tokens, which Ray has since 2.60, set {MODE}=token, and {TOKEN} to "
        f"its token or {TOKEN_PATH} to the token's file (on the cluster `ray get-auth-token` prints it)"
    )


def _lacks() -> str:
    if not _has_token():
        return "this process has no token"
    if os.environ.get(MODE) != "token":
        return f"this process has a token, which Ray sends to a named address only with {MODE}=token"
    return "the token of this process may not be the cluster's"


def _has_token() -> bool:
    """Whether Ray would find a token."""
    return TOKEN in os.environ or TOKEN_PATH in os.environ or (Path.home() / ".ray" / "auth_token").is_file()
