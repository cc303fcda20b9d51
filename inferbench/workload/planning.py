"""Making a plan."""

from __future__ import annotations

import hashlib
import zlib

import numpy as np

from ..domain.plan import Arrival, Plan
from ..domain.scenario import Lengths
from . import arrivals, lengths
from .prompts import TOKENIZER


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
) -> Plan:
    """Plan n requests. The same arguments give the same plan, byte for byte.

    `salt` names the sweep point: it changes the lengths drawn and every prompt, so that no two points share a
    prefix. `rate` (requests/s) and `burstiness` count in an open loop only.
    """
    root = np.random.SeedSequence([seed, zlib.crc32(salt.encode())])
    for_lengths, for_seeds, for_arrivals = (np.random.default_rng(child) for child in root.spawn(3))
    isls, osls = lengths.draw(isl, n, for_lengths), lengths.draw(osl, n, for_lengths)
    # The low bits count, so that no two requests of a plan share a seed.
    seeds = (for_seeds.integers(0, 2**31, size=n, dtype=np.int64) << 32) | np.arange(n, dtype=np.int64)
    digest = hashlib.sha256(f"{seed}|{salt}|{TOKENIZER}|{ignore_eos}|".encode())
    for column in (isls, osls, seeds):
        digest.update(column.astype("<i8").tobytes())
    return Plan(
        seed=seed,
        arrival=arrival,
        max_concurrency=max_concurrency,
        isl=isls,
        osl=osls,
        seeds=seeds,
        planned_ns=arrivals.due_times(arrival, n, rate, burstiness, for_arrivals),
        ignore_eos=ignore_eos,
        salt=salt,
        prompt_hash=digest.hexdigest(),
    )
