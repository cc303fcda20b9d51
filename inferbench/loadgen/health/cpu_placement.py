"""Which cores the servers of a URL may run on, where they run on this machine, and what that does to a measurement.

A thread that is pinned to one core cannot step aside: whatever else runs there waits for it, and it for that. vLLM on a
CPU pins its worker so. Only such threads are looked at; a server that may choose among cores leaves the rest free.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

HOPS = 3
"""Servers behind servers that are followed: a router, its workers, and what those talk to."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A server's process with all that it has started."""

    port: int
    pinned: Mapping[int, str]
    """Cores that a thread is pinned to, each with the name of its process."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What was found."""

    reasons: tuple[str, ...] = ()
    """Why a client cannot measure well from here at all."""
    warnings: tuple[str, ...] = ()


def look(urls: Iterable[str], client: Iterable[int] | None = None) -> Placement:
    """Look where the servers of these URLs run, and those behind them: named at their start, or connected to now.

    `client` are the cores that the client may use, by default those of this process. Servers on other machines, and
    those whose processes this user may not see, are passed over. Nothing is found where the system cannot say.
    """
    if not hasattr(os, "sched_getaffinity"):
        return Placement()
    own = os.sched_getaffinity(0) if client is None else set(client)
    try:
        found = list(_engines({port for url in urls if (port := _local_port(url)) is not None}))
    except (psutil.Error, OSError):
        return Placement()
    return judge(found, own)


def judge(engines: Sequence[Engine], client: set[int]) -> Placement:
    """What it means where engines and client may run."""
    beside = [(engine, sorted(client & set(engine.pinned))) for engine in engines]
    beside = [(engine, cores) for engine, cores in beside if cores]
    taken = {core for _, cores in beside for core in cores}
    said = tuple(f"{_names(engine, cores)} {_is_pinned(cores)}" for engine, cores in beside)
    shared = tuple(_shared(engines))
    if taken and taken == client:
        return Placement((f"the client may run only where the server is pinned: {'; '.join(said)}",), shared)
    free = _cores(sorted(client - taken))
    beware = (f"{one}, where the client may run too: start it with `taskset -c {free}`" for one in said)
    return Placement((), (*beware, *shared))


def _is_pinned(cores: Sequence[int]) -> str:
    return f"is pinned to core{'s' if len(cores) > 1 else ''} {_cores(cores)}"


def _names(engine: Engine, cores: Sequence[int]) -> str:
    names = sorted({engine.pinned[core] for core in cores})
    return f"{' and '.join(names)} (server at port {engine.port})"


def _shared(engines: Sequence[Engine]) -> Iterator[str]:
    for core in sorted({core for engine in engines for core in engine.pinned}):
        on_it = [engine for engine in engines if core in engine.pinned]
        if len(on_it) > 1:
            listed = " and ".join(_names(engine, [core]) for engine in on_it)
            yield f"{len(on_it)} engines share core {core}, so that each waits for the other: {listed}"


def _cores(cores: Sequence[int]) -> str:
    return ",".join(map(str, cores))


def _local_port(url: str) -> int | None:
    """The port, where the host is this machine."""
    split = urlsplit(url)
    port = split.port or {"http": 80, "https": 443}.get(split.scheme)
    with suppress(OSError):
        own = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
        hosts = {str(info[4][0]) for info in socket.getaddrinfo(split.hostname, port, type=socket.SOCK_STREAM)}
        if own & hosts:
            return port
    return None


def _engines(ports: set[int]) -> Iterator[Engine]:
    """Servers at these ports, then those that they are connected to, each process once."""
    if not ports:
        return
    connections = psutil.net_connections("tcp")
    listening: dict[int, set[int]] = {}
    for c in connections:
        if c.status == psutil.CONN_LISTEN and c.laddr and c.pid is not None:
            listening.setdefault(c.laddr.port, set()).add(c.pid)
    seen = {os.getpid()}
    for _ in range(HOPS):
        inside: set[int] = set()
        for port in sorted(ports):
            tree = {p for pid in listening.get(port, ()) for p in _tree(pid)} - seen
            seen |= tree
            inside |= tree
            if tree:
                yield Engine(port, _pinned(tree))
        ports = {c.raddr.port for c in connections if c.pid in inside and c.raddr and c.raddr.ip in _LOOPBACK}
        ports |= {port for pid in inside for port in _named(pid)}


_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_URL = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)")


def _named(pid: int) -> set[int]:
    """Ports of this machine that a command line names, as a router's does its workers'."""
    with suppress(psutil.Error):
        return {int(port) for port in _URL.findall(" ".join(psutil.Process(pid).cmdline()))}
    return set()


def _tree(pid: int) -> list[int]:
    with suppress(psutil.Error):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return []


def _pinned(tree: set[int]) -> dict[int, str]:
    """Cores that a thread is pinned to alone, though there are more here, each with the process."""
    here = os.sched_getaffinity(1)  # in a container: its own cores
    pinned: dict[int, str] = {}
    for pid in sorted(tree):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            cores = {_only_core(thread.id) for thread in process.threads()}
            for core in (core for core in cores if core is not None and {core} != here):
                pinned.setdefault(core, f"{process.name()}, process {pid}")
    return pinned


def _only_core(thread: int) -> int | None:
    with suppress(OSError):  # it has ended meanwhile
        allowed = os.sched_getaffinity(thread)
        if len(allowed) == 1:
            return next(iter(allowed))
    return None
