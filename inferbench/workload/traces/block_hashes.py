"""Ids of blocks of text, and the size of the blocks that they stand for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inferbench.arrays import Ints
from inferbench.errors import FieldName, FileError
from inferbench.workload.traces.trace_request import TraceRequest

STANDARD = tuple(2**power for power in range(3, 15))
"""Sizes that are tried, tokens: 8 to 16,384."""
PLAIN = 2**60
"""Ids below stand for themselves; others for their digest."""


def block_ids(value: Any) -> tuple[int, ...]:
    """Return the ids of a prompt's blocks; a list of whole numbers or of texts, or nothing.

    Raises ValueError for anything else.
    """
    if not isinstance(value, list):
        if value is None:
            return ()
        raise ValueError("hash_ids is no list of block ids")
    return tuple(map(_block_id, value))


def _block_id(value: Any) -> int:
    known = value >= 0 if isinstance(value, int) and not isinstance(value, bool) else isinstance(value, str) and value
    if not known:
        raise ValueError("hash_ids is no list of block ids")
    return value if isinstance(value, int) and value < PLAIN else digest(str(value)) % PLAIN


def digest(text: str) -> int:
    """A number below 2^61 that stands for a text."""
    raw = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(raw, "big") >> 3


def block_size(requests: Sequence[TraceRequest], usual: int, asked: int | None, path: Path) -> tuple[int, str | None]:
    """Return the tokens of a block, and what must be said of it.

    The ids of a prompt are those of all its blocks, the last one perhaps partial, or of its whole blocks alone; one of
    the two holds for all lines. That is the size asked for, the one `usual` in the format, or else a STANDARD one.
    Raises FileError where none fits all lines.
    """
    told = [request for request in requests if request.blocks]
    isl = np.array([request.isl for request in told], dtype=np.int64)
    ids = np.array([len(request.blocks) for request in told], dtype=np.int64)
    wanted = usual if asked is None else asked
    if _fits(isl, ids, wanted):
        return wanted, None
    found = next((size for size in STANDARD if _fits(isl, ids, size)), None)
    if found is not None and asked is None:
        return (
            found,
            f"the trace's block ids stand for {found} tokens each, not for the usual {usual}, and were read so",
        )
    first = told[int(np.argmax(-(-isl // wanted) != ids))]
    raise FileError(
        f"{path}:{first.line}: {len(first.blocks)} hash_ids for {first.isl} tokens are no blocks of {wanted} tokens; ",
        *_what_fits(isl, ids, found),
    )


def _fits(isl: Ints, ids: Ints, size: int) -> bool:
    return bool((-(-isl // size) == ids).all() or (isl // size == ids).all())


def _what_fits(isl: Ints, ids: Ints, found: int | None) -> tuple[str, ...]:
    """What would do for all lines: n ids for L tokens are blocks of ceil(L/n) to ceil(L/(n - 1)) - 1 tokens."""
    if found is not None:
        return FieldName("trace.block_size"), f" {found} fits all lines"
    several = ids > 1
    low = int((-(-isl // ids)).max())
    high = int((-(-isl[several] // (ids[several] - 1)) - 1).min()) if several.any() else low
    if low > high:
        return ("no size fits all lines",)
    return "give ", FieldName("trace.block_size"), f": {low}{f' to {high}' if high > low else ''} fits all lines"
