"""The points of a store that answer a question: filtered, priced, and the best of each series marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from inferbench.arrays import Floats
from inferbench.comparison.axes import TOKENS, X_AXES, Y_AXES
from inferbench.errors import FileError
from inferbench.pareto.cloud import cloud
from inferbench.pareto.plot import ShownPoints
from inferbench.pricing.owned_book import Book
from inferbench.pricing.price_books import all_in_kw, price_of
from inferbench.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

SERIES = ("gpu", "framework", "precision", "speculation", "origin")
"""What points must share to stand on one front."""


@dataclass(frozen=True)
class FrontierQuestion:
    """What is drawn: the axes, which tokens count, the filters, and how many points."""

    x: str = "interactivity"
    y: str = "throughput"
    tokens: str = "total"
    filters: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Values that a column may have; a column without values is not looked at."""
    disaggregated: bool | None = None
    since_unix: float | None = None
    until_unix: float | None = None
    latest_only: bool = True
    """Of each sweep point only the latest run."""
    front_only: bool = False
    limit: int | None = None


def store_frontier(frame: pd.DataFrame, question: FrontierQuestion, book: Book, tier: str) -> ShownPoints:
    """Choose, price and rank the points of `store_points`.

    Partial points and those of an INVALID client are left out and counted; so are GPUs that the book has no price or
    power for, where the question needs one.
    """
    chosen = frame[_mask(frame, question)]
    sound = ~chosen["partial"].to_numpy(bool) & chosen["client_valid"].to_numpy(bool)
    unsound = int((~sound).sum())
    chosen = chosen[sound]
    if question.latest_only:
        chosen = chosen.sort_values("began_unix", kind="stable").drop_duplicates(["scenario", "point"], keep="last")
    y, low, high = _figures(chosen, question, book, tier)
    x = chosen[question.x].to_numpy(float)
    codes, names = _series(chosen)
    signs = (X_AXES[question.x].sign, Y_AXES[question.y].sign)
    found = cloud(x, y, codes, signs, front_only=question.front_only, limit=question.limit)
    rows = found.rows
    return ShownPoints(
        x=x[rows], y=y[rows], low=low[rows], high=high[rows], front=found.front, series=codes[rows],
        names=tuple(" ".join(str(part) for part in name[:-1]) for name in names),
        simulated=tuple(name[-1] == "simulated" for name in names),
        facts={c: _column(chosen, c, rows) for c in ("name", "point", "topology", "concurrency", "gpus", "launch")},
        total=found.total, unsound=unsound, unpriced=int(np.isnan(y).sum()),
    )  # fmt: skip


def choices(frame: pd.DataFrame, column: str) -> list[str]:
    """The values of a column that some point has, the most frequent first."""
    counts = frame[column].value_counts()
    return [str(value) for value, count in counts.items() if count]


def _mask(frame: pd.DataFrame, question: FrontierQuestion) -> Any:
    mask = np.ones(len(frame), dtype=bool)
    for column, values in question.filters.items():
        if values:
            mask &= frame[column].isin(list(values)).to_numpy(bool)
    if question.disaggregated is not None:
        mask &= (frame["prefill_gpus"].to_numpy() > 0) == question.disaggregated
    at = frame["at_unix"].to_numpy(float)
    if question.since_unix is not None:
        mask &= ~(at < question.since_unix)
    if question.until_unix is not None:
        mask &= ~(at >= question.until_unix)
    return mask


def _figures(frame: pd.DataFrame, question: FrontierQuestion, book: Book, tier: str) -> tuple[Floats, Floats, Floats]:
    """What is drawn upwards, with the ends of its interval."""
    if question.y == "gpu_energy":
        column = f"joules_per_{question.tokens}_token"
        joules: Floats = frame[column].to_numpy(float) if column in frame else np.full(len(frame), np.nan)
        return joules, joules, joules
    tput = frame[TOKENS[question.tokens]].to_numpy(float)
    tput = np.where(tput > 0, tput, np.nan)
    width = frame["half_width"].to_numpy(float)
    ends = tput, tput * (1 - width), tput * (1 + width)
    if question.y == "throughput":
        return ends
    if question.y == "cost":
        price = _by_gpu(frame, {gpu: _price(book, gpu, tier) for gpu in frame["gpu"].cat.categories})
        value, high, low = (price * TOKENS_PER_MTOK / SECONDS_PER_HOUR / end for end in ends)
        return value, low, high
    kw = _by_gpu(frame, {gpu: _power(book, gpu) for gpu in frame["gpu"].cat.categories})
    if question.y == "per_mw":
        value, low, high = (end / kw * 1000 for end in ends)
        return value, low, high
    value, high, low = (kw * 1000 / end for end in ends)
    return value, low, high


def _price(book: Book, gpu: str, tier: str) -> float:
    try:
        return price_of(book, gpu, tier).value
    except FileError:
        return float("nan")


def _power(book: Book, gpu: str) -> float:
    try:
        return all_in_kw(book, gpu) or float("nan")
    except (FileError, KeyError):
        return float("nan")


def _by_gpu(frame: pd.DataFrame, values: Mapping[str, float]) -> Floats:
    table = np.array([*values.values(), np.nan])
    return np.asarray(table[frame["gpu"].cat.codes.to_numpy()])  # -1, no GPU stated, is the last: not a number


def _series(frame: pd.DataFrame) -> tuple[Any, list[tuple[str, ...]]]:
    """Series by number, and what each is called; what nothing states is `unknown`."""
    words = frame[list(SERIES)]
    codes = np.zeros(len(frame), dtype=np.int64)
    for column in SERIES:
        own = words[column].cat
        codes = codes * (len(own.categories) + 1) + own.codes.to_numpy() + 1
    known, first, dense = np.unique(codes, return_index=True, return_inverse=True)
    rows = words.iloc[first].astype(object).fillna("unknown").itertuples(index=False)
    names = [(*row[:3], "" if row[3] in ("none", "unknown") else row[3], row[4]) for row in rows]
    assert len(names) == len(known)
    return dense, names


def _column(frame: pd.DataFrame, name: str, rows: Any) -> list[Any]:
    return list(frame[name].iloc[rows].astype(object).where(frame[name].iloc[rows].notna(), None))
