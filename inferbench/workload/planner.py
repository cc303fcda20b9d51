"""Making a plan."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace

import numpy as np

from inferbench.arrays import NEVER, Ints
from inferbench.scenario.scenario import Lengths
from inferbench.workload import arrivals, lengths
from inferbench.workload.arrivals import RateRamp
from inferbench.workload.plan import Arrival, Plan
from inferbench.workload.prompts import TOKENIZER
from inferbench.workload.shared_prefixes import SharedPrefix, Turns, in_sessions, prefixes


def make_plan(
    n: int,
    *,
    isl: Lengths,
    osl: Lengths,
    seed: int,
    salt: str,
    max_concurrency: int | None,
    arrival: Arrival = Arrival.CLOSED,
    rate: float = 1.0,
    burstiness: float = 1.0,
    ignore_eos: bool = True,
    rate_ramp: RateRamp | None = None,
    slot_ramp_s: float = 0.0,
    prompts: str = TOKENIZER,
    shared: SharedPrefix | None = None,
    turns: Turns | None = None,
) -> Plan:
    """Plan n requests. The same arguments give the same plan, byte for byte.

    `salt` names the sweep point: it changes the lengths drawn and every prompt, so that no two points share a
    prefix. `rate` (requests/s; with sessions: sessions/s), `burstiness` and `rate_ramp` count in an open loop only.
    `slot_ramp_s` opens the slots one by one over that time. `prompts` is the name of the prompt maker. With
    `turns`, `isl` is the new text of a turn. Raises UsageError for a ramp that is not possible.
    """
    root = np.random.SeedSequence([seed, zlib.crc32(salt.encode())])
    for_lengths, for_seeds, for_arrivals, for_groups = (np.random.default_rng(child) for child in root.spawn(4))
    new, osls = lengths.draw(isl, n, for_lengths), lengths.draw(osl, n, for_lengths)
    seeds = distinct_seeds(n, for_seeds)
    session = turn = think_ns = None
    if turns is not None:
        session, turn, think_ns, new = in_sessions(turns, new, osls)
    prefix, isls = prefixes(new, shared, session, for_groups)
    first = np.ones(n, dtype=np.bool_) if turn is None else turn == 0
    due = arrivals.due_times(arrival, int(first.sum()), rate, burstiness, for_arrivals, rate_ramp)
    plan = Plan(
        seed=seed,
        arrival=arrival,
        max_concurrency=max_concurrency,
        isl=isls,
        osl=osls,
        seeds=seeds,
        planned_ns=None if due is None else of_first_turns(due, first),
        ignore_eos=ignore_eos,
        salt=salt,
        prompt_hash="",
        session=session,
        turn=turn,
        think_ns=think_ns,
        prefix=prefix,
        slot_open_ns=None if max_concurrency is None else arrivals.slot_openings(max_concurrency, slot_ramp_s),
    )
    return hashed(plan, prompts)


def distinct_seeds(n: int, rng: np.random.Generator) -> Ints:
    """Draw n seeds, all different: the low bits count."""
    return (rng.integers(0, 2**31, size=n, dtype=np.int64) << 32) | np.arange(n, dtype=np.int64)


def of_first_turns(due_ns: Ints, first: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    """Give due times to first turns; later ones are due when the turn before them has ended."""
    planned = np.full(len(first), NEVER, dtype=np.int64)
    planned[first] = due_ns
    return planned


def hashed(plan: Plan, prompts: str) -> Plan:
    """Return the plan with the hash of all that decides its prompts; `prompts` names the prompt maker."""
    digest = hashlib.sha256(f"{plan.seed}|{plan.salt}|{prompts}|{plan.ignore_eos}|".encode())
    columns = [plan.isl, plan.osl, plan.seeds]
    if plan.prefix is not None:
        columns += [plan.prefix.offsets, plan.prefix.streams, plan.prefix.tokens]
    for column in columns:
        digest.update(column.astype("<i8").tobytes())
    return replace(plan, prompt_hash=digest.hexdigest())
