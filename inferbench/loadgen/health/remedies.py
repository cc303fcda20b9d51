"""What helps a client that was INVALID, chosen by what the reasons and the machine say of the cause."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inferbench.metrics.summary import ClientHealth

BUSY = 0.8
"""Share of a core from which on a worker had no time left: it runs on one core at most."""
FREE_CORES = 0.5
"""Cores that must have been idle for another worker to have something to run on."""

_STOPPED = re.compile(r"stood still|was stopped|suspended|frozen", re.IGNORECASE)
_LOST = re.compile(r"^worker \d+ ")
_PINNED = re.compile(r"server is pinned")
_STREAMS = re.compile(r"streams were open at once")
_TOLD = (
    (_STOPPED, "see what held the client's process (a debugger, Ctrl-Z, a container's CPU limit), and measure again"),
    (_LOST, "see why a worker ended (the system's log names one that was killed for memory), and measure again"),
    (_PINNED, "give the client cores of its own with `taskset`, or run it on another machine than the server"),
    (_STREAMS, "send more requests per stream (--num-prompts), share them over processes (--workers), and see that "
               "`ulimit -n` and whatever stands before the server allow as many connections"),
)  # fmt: skip


def remedies(client: ClientHealth) -> tuple[str, ...]:
    """What helps against each cause of a client's reasons, once each; nothing for one that is valid."""
    return tuple(dict.fromkeys(_remedy(client, reason) for reason in client.reasons))


def why_invalid(client: ClientHealth | None) -> str | None:
    """The reasons of a client that was INVALID and what helps, in a line; None for one that was valid."""
    if client is None or client.valid:
        return None
    return f"{'; '.join(client.reasons) or 'no reason was given'}{what_helps(client)}"


def what_helps(*clients: ClientHealth | None) -> str:
    """What helps clients that were INVALID, each remedy once; empty where nothing is known to."""
    known = dict.fromkeys(remedy for client in clients if client for remedy in client.remedies)
    return f". What helps: {'; or '.join(known)}" if known else ""


def _remedy(client: ClientHealth, reason: str) -> str:
    return next((text for cause, text in _TOLD if cause.search(reason)), None) or "; or ".join(
        _against_lateness(client)
    )


def _against_lateness(client: ClientHealth) -> Iterator[str]:
    """A client that was late lacked CPU time: for want of workers, or of cores, its own or those that others took."""
    cores, workers, busiest = client.cores, max(len(client.cpu_shares), 1), max(client.cpu_shares, default=0.0)
    if cores is None or client.busy_cores is None:
        yield "keep the client's machine free of other work"
        yield "share the load over processes (--workers)"
        yield "measure from another machine"
        return
    free, others = cores - client.busy_cores, client.busy_cores - sum(client.cpu_shares)
    if busiest >= BUSY and free >= FREE_CORES and workers < cores:
        yield f"share the load over more processes: --workers {min(2 * workers, cores)} ({cores} cores are here)"
    elif free < FREE_CORES and others >= FREE_CORES:
        yield f"stop what else runs on this machine, the server included: it took {others:.1f} of {cores} cores"
        yield "measure from another machine"
    elif busiest >= BUSY or free < FREE_CORES:
        yield f"measure from another machine with more than {cores} cores, or from several (--ray)"
    else:
        yield "lift what held the client back while cores were free (a container's quota, a stopped process)"
        yield "measure from another machine"
