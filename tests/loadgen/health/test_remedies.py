"""What helps a client that was INVALID, by the cause."""

from __future__ import annotations

import pytest

from inferbench.loadgen.health.remedies import remedies, what_helps, why_invalid
from inferbench.metrics.summary import ClientHealth

LATE = "stamps may be so late that p99 TTFT is 5.0% off"


def health(*reasons: str, shares: tuple[float, ...] = (), cores: int | None = None, busy: float | None = None):
    return ClientHealth(valid=not reasons, reasons=reasons, cpu_shares=shares, cores=cores, busy_cores=busy)


@pytest.mark.parametrize(
    ("client", "helps"),
    [
        # One process at its limit beside cores that are idle; all cores taken by workers; by others; by nobody.
        (health(LATE, shares=(0.97,), cores=8, busy=1.4), "share the load over more processes: --workers 2 (8 cores"),
        (health(LATE, shares=(0.9, 0.9, 0.9), cores=4, busy=3.0), "--workers 4"),
        (health(LATE, shares=(0.97, 0.98), cores=2, busy=2.0), "another machine with more than 2 cores, or from sev"),
        (health(LATE, shares=(0.6,), cores=2, busy=2.0), "stop what else runs on this machine, the server included: "
                                                         "it took 1.4 of 2 cores; or measure from another machine"),
        (health(LATE, shares=(0.1,), cores=4, busy=0.3), "lift what held the client back while cores were free"),
        (health(LATE), "keep the client's machine free of other work; or share the load over processes (--workers); "
                       "or measure from another machine"),
        (health("requests left 9.0 ms late (p99), 4.0% of the median TTFT"), "keep the client's machine free"),
        (health("worker 1 was killed by SIGKILL"), "see why a worker ended"),
        (health("the client may run only where the server is pinned: llama-server"), "`taskset`"),
        (health("4 streams were open at once, 8 were asked for"), "--num-prompts"),
        (health("the client stood still for 5.0 s"), "see what held the client's process"),
    ],
)  # fmt: skip
def test_the_remedy_fits_the_cause(client: ClientHealth, helps: str) -> None:
    assert any(helps in remedy for remedy in remedies(client)), remedies(client)


def test_reasons_of_one_cause_have_one_remedy_and_a_valid_client_none() -> None:
    client = health(LATE, LATE.replace("TTFT", "TPOT"), "worker 1 was lost, and its records with it")
    told = remedies(client)
    assert len(told) == 2
    client = client.model_copy(update={"remedies": told})
    assert what_helps(client, client) == f". What helps: {told[0]}; or {told[1]}"
    assert why_invalid(client) == f"{'; '.join(client.reasons)}{what_helps(client)}"
    assert (remedies(health()), why_invalid(health()), why_invalid(None), what_helps(None)) == ((), None, None, "")


SHARE = "share the load over more processes: --workers {} ({} cores are here)"
OTHERS = "stop what else runs on this machine, the server included: it took {} of {} cores; or "
ELSEWHERE = "measure from another machine"
MORE = "measure from another machine with more than {} cores, or from several (--ray)"
LIFT = "lift what held the client back while cores were free (a container's quota, a stopped process); or "


@pytest.mark.parametrize(
    ("shares", "cores", "busy", "helps"),
    [
        ((0.8,), 8, 1.4, SHARE.format(2, 8)),  # 0.8 of a core is busy
        ((0.9,), 2, 1.5, SHARE.format(2, 2)),  # half a core is free
        ((0.79,), 8, 1.4, LIFT + ELSEWHERE),
        ((0.9, 0.9), 2, 1.5, MORE.format(2)),  # a worker for each core already
        ((0.8, 0.2), 2, 1.0, MORE.format(2)),
        ((0.7, 0.7), 2, 1.75, MORE.format(2)),  # no worker is busy, but no core is free
        ((0.625, 0.625), 2, 1.75, OTHERS.format(0.5, 2) + ELSEWHERE),  # others take half a core
        ((0.6,), 2, 1.5, LIFT + ELSEWHERE),  # half a core is free, and no worker needs it
        ((), 4, 1.0, LIFT + ELSEWHERE),
        ((), 4, 3.75, OTHERS.format(3.8, 4) + ELSEWHERE),
    ],
)
def test_a_late_client_lacked_workers_or_cores(shares: tuple[float, ...], cores: int, busy: float, helps: str) -> None:
    assert remedies(health(LATE, shares=shares, cores=cores, busy=busy)) == (helps,)


@pytest.mark.parametrize(("cores", "busy"), [(None, None), (None, 1.0), (4, None)])
def test_a_machine_that_nobody_looked_at_may_be_anything(cores: int | None, busy: float | None) -> None:
    assert remedies(health(LATE, shares=(0.9,), cores=cores, busy=busy)) == (
        "keep the client's machine free of other work; or share the load over processes (--workers); or measure from "
        "another machine",
    )


def test_an_invalid_client_without_a_reason_says_so() -> None:
    assert why_invalid(ClientHealth(valid=False)) == "no reason was given"
