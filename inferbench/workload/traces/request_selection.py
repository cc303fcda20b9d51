"""Which requests of a data set a load takes: the choice of `vllm bench serve`.

A replay takes all, in order; this is for data sets, of which a load needs a sample.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from inferbench.errors import FieldName, FileError
from inferbench.workload.traces import burstgpt, custom_prompts, sharegpt
from inferbench.workload.traces.block_hashes import digest
from inferbench.workload.traces.csv_table import Cells, read_table
from inferbench.workload.traces.trace_request import BadLines, TraceRequest, tokens

T = TypeVar("T")
Count = Callable[[str], int]

LEAST, MOST_PROMPT, MOST = 4, 1024, 2048
"""Tokens of a ShareGPT prompt or answer, of a prompt, and of both, between which a conversation is taken."""
BURSTGPT_MODEL = "GPT-4"
"""The model whose rows of BurstGPT are taken."""
_OTHER_MODEL = TraceRequest(0, 0)


@dataclass(frozen=True, slots=True)
class Pick:
    """Which requests are taken."""

    most: int
    seed: int
    shuffle: bool = True
    """In an order drawn by the seed; otherwise in the file's."""
    osl: int | None = None
    """Tokens to ask for; None: as many as the file says."""

    def ordered(self, items: Iterator[T]) -> Iterator[T]:
        """The items in the order in which they are taken. Shuffling holds all of them at once."""
        if not self.shuffle:
            return items
        shuffled = list(items)
        random.Random(self.seed).shuffle(shuffled)
        return iter(shuffled)


def pick(kind: str, path: Path, bad: BadLines, count: Count, how: Pick) -> Iterator[TraceRequest] | None:
    """Return the requests that are taken of a data set; None for a kind that is only ever replayed.

    `count` counts the tokens of a text. Raises FileError where the file cannot be read, or does not tell what it must.
    """
    if kind == "sharegpt":
        return islice(_conversations(path, bad, count, how), how.most)
    if kind == "burstgpt":
        rows = read_table(path, bad, (*burstgpt.COLUMNS, "Model"), _burst)
        return iter(_sample((row for row in rows if row is not _OTHER_MODEL), how))
    if kind == "custom":
        return islice(_prompts(path, bad, count, how), how.most)
    return None


def _conversations(path: Path, bad: BadLines, count: Count, how: Pick) -> Iterator[TraceRequest]:
    """First questions of conversations that are neither too short nor too long."""
    first = (exchanges[0] for exchanges in sharegpt.conversations(path, bad))
    for exchange in how.ordered(first):
        isl = count(exchange.asked)
        osl = how.osl if how.osl is not None else count(exchange.answered)
        if LEAST <= isl <= MOST_PROMPT and isl + osl <= MOST and (how.osl is not None or osl >= LEAST):
            yield TraceRequest(isl, osl)


def _burst(cells: Cells) -> TraceRequest:
    if cells["Model"] != BURSTGPT_MODEL:
        return _OTHER_MODEL
    return TraceRequest(
        tokens(cells["Request tokens"], "Request tokens"), tokens(cells["Response tokens"], "Response tokens")
    )


def _sample(requests: Iterator[TraceRequest], how: Pick) -> list[TraceRequest]:
    """A sample of a long file, of which only the sample is ever held (Vitter's algorithm R)."""
    if not how.shuffle:
        return list(islice(requests, how.most))
    draw, taken = random.Random(how.seed), list[TraceRequest]()
    for number, request in enumerate(requests):
        if number < how.most:
            taken.append(request)
        elif (place := draw.randrange(number + 1)) < how.most:
            taken[place] = request
    draw.shuffle(taken)
    return taken


def _prompts(path: Path, bad: BadLines, count: Count, how: Pick) -> Iterator[TraceRequest]:
    for prompt in how.ordered(custom_prompts.read(path, bad)):
        osl = how.osl if how.osl is not None else prompt.output_tokens
        if osl is None:
            raise FileError(f"{path}:{prompt.line}: has no output_tokens; give ", FieldName("trace.osl"))
        yield TraceRequest(max(1, count(prompt.text)), osl, text=digest(prompt.text), line=prompt.line)
