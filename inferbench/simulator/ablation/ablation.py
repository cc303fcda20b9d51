"""An ablation: the parts of a stack, what was published about each, and the loads at which they are weighed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from inferbench.files.allowed_names import ONCE, Name, Text, repeated
from inferbench.files.number_limits import Amount, Count
from inferbench.scenario.deployment import Deployment, Stack
from inferbench.scenario.scenario import Lengths
from inferbench.values import Value

Off = dict[str, str | bool | int]
"""Keys of a stack with the values that they have when a part is off."""


class Measure(StrEnum):
    """What a figure is about."""

    REQUESTS = "requests"
    """Requests per second of a closed loop."""
    OUTPUT = "output"
    """Generated tokens per second of a closed loop."""
    TPOT = "tpot"
    """Time per output token of a closed loop."""
    PREFILL = "prefill"
    """Prompt tokens per second of a prefill worker that is full."""
    EXPERTS = "experts"
    """Time of the routed experts of a decode pass."""
    COMBINE = "combine"
    """Time of one combine."""
    EXCHANGE = "exchange"
    """Time of one dispatch and combine."""
    BYTES = "bytes"
    """Bytes of one copy of a token, there and back."""

    @property
    def of_a_kernel(self) -> bool:
        """Whether it is a factor by which something shrinks (2.56x), and not a change of a rate or a latency."""
        return self in (Measure.EXPERTS, Measure.COMBINE, Measure.EXCHANGE, Measure.BYTES)

    @property
    def goes_in(self) -> bool:
        """Whether the twin takes the published figure as it is."""
        return self is Measure.EXPERTS

    @property
    def by_tokens(self) -> bool:
        """Whether its loads are tokens of a rank; else they are the concurrencies of the topology."""
        return self.of_a_kernel or self is Measure.PREFILL


class How(StrEnum):
    """Where a modelled figure comes from."""

    DERIVED = "derived"
    """From dimensions, bytes, rates and kernel times that know nothing of this figure."""
    CALIBRATED = "calibrated"
    """A constant of the twin was set so that this figure, or one of the same experiment, comes out."""
    PUBLISHED_ONLY = "published only"
    """Nothing in the twin explains it."""


class Published(Value):
    """What somebody printed: with the part over without it, or for a kernel without it over with it."""

    low: Amount
    high: Amount
    """The same as `low` where one number was printed."""
    up_to: bool = False
    """Printed as the most that was seen, and not as what to expect."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


class StackPart(Value):
    """A part of the stack that can be on or off."""

    name: Name
    title: Text
    without: Off
    """The stack without it (not called `off`, which YAML 1.1 reads as a boolean)."""


class PublishedFigure(Value):
    """One published figure, and the condition that the twin is put into to meet it."""

    part: Name
    title: Text
    measure: Measure
    published: Published | None
    """None: nobody has printed one."""
    how: How
    deployment: Name
    topology: Name
    isl: Lengths
    osl: Lengths
    tokens_per_rank: Annotated[tuple[Count, ...], ONCE] = ()
    """Loads of a measure that goes by them."""
    without: Off | None = None
    """The stack that it is compared with, where that is not the part's own."""
    condition: Text
    """What the source says about how it was measured."""
    assumed: str = ""
    """What the source does not say and the twin needs."""
    remark: Text
    """Why the model reaches it, or why it cannot."""
    source: Text


class Weighing(Value):
    """A load at which all parts are turned on one after the other, alone, and off alone."""

    title: Text
    deployment: Name
    topology: Name
    isl: Lengths
    osl: Lengths


class Ablation(Value):
    """The file of an ablation. Its deployments have every part on."""

    format: Literal[1]
    kind: Literal["ablation"]
    name: Name
    title: Text
    as_of: datetime.date
    model: str
    deployments: tuple[Deployment, ...] = Field(min_length=1)
    parts: tuple[StackPart, ...] = Field(min_length=1)
    """In the order in which a weighing turns them on."""
    figures: tuple[PublishedFigure, ...]
    weighings: tuple[Weighing, ...]
    exchange_tokens: Annotated[tuple[Count, ...], ONCE]
    """Tokens of a rank at which the bytes of the formats are held against their time."""
    exchange_deployment: Name

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        parts = [part.name for part in self.parts]
        deployments = {d.name: d for d in self.deployments}
        for what, found in (("part", parts), ("deployment", [d.name for d in self.deployments])):
            if twice := repeated(found):
                raise ValueError(f"two {what}s are named {twice[0]!r}")
        for figure in self.figures:
            _known("part", figure.part, parts)
            if figure.measure.by_tokens and not figure.tokens_per_rank:
                raise ValueError(f"figure {figure.title!r}: {figure.measure.value} needs tokens_per_rank")
        places = [(f.deployment, f.topology) for f in self.figures]
        for deployment, topology in places + [(w.deployment, w.topology) for w in self.weighings]:
            _known("deployment", deployment, deployments)
            _known("topology", topology, [t.name for t in deployments[deployment].topologies])
        _known("deployment", self.exchange_deployment, deployments)
        return self

    @model_validator(mode="after")
    def _what_is_off_is_a_stack(self) -> Self:
        stack = self.deployments[0].stack
        for what, off in [
            *((f"part {part.name}", part.without) for part in self.parts),
            *((f"figure {figure.title!r}", figure.without or {}) for figure in self.figures),
        ]:
            try:
                without(stack, off)
            except ValidationError as error:
                first = error.errors()[0]
                raise ValueError(f"{what}: without.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        return self

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name."""
        return {d.name: d for d in self.deployments}[name]

    def part(self, name: str) -> StackPart:
        """The part of that name."""
        return {p.name: p for p in self.parts}[name]

    def off_of(self, figure: PublishedFigure) -> Off:
        """The keys of the stack that a figure is compared with."""
        return self.part(figure.part).without if figure.without is None else figure.without


def without(stack: Stack, *off: Off) -> Stack:
    """Return the stack with parts off. Raises ValidationError for a key or a value that no stack has."""
    changes: dict[str, Any] = {key: value for one in off for key, value in one.items()}
    return Stack.model_validate(stack.model_dump() | changes)


def _known(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ValueError(f"{what} {name!r} is not there; use {', '.join(known)}")
