"""What an ablation found: each published figure beside the modelled one, and the parts weighed at a load."""

from __future__ import annotations

from inferbench.simulator.ablation.ablation import PublishedFigure, StackPart, Weighing
from inferbench.values import Value


class Modelled(Value):
    """A figure at one load."""

    load: int
    """Concurrency, or tokens of a rank."""
    ratio: float
    """As Published: with the part over without it, or for a kernel without it over with it."""


class FigureAnswer(Value):
    """A published figure and what the twin says at its condition."""

    figure: PublishedFigure
    modelled: tuple[Modelled, ...]

    @property
    def range(self) -> tuple[float, float]:
        """Least and most over the loads."""
        ratios = [each.ratio for each in self.modelled]
        return min(ratios), max(ratios)

    @property
    def share(self) -> float | None:
        """How much of the published effect the model reaches, 1: all of it; None where there is nothing to reach.

        Nothing was published, or what was published goes in as it is.
        Of several loads the one nearest to what was published counts, since the source does not say which it was.
        """
        published = self.figure.published
        if published is None or self.figure.measure.goes_in:
            return None
        shares = [_share(each.ratio, published.low, published.high) for each in self.modelled]
        return min(shares, key=lambda share: abs(share - 1))


def _share(ratio: float, low: float, high: float) -> float:
    nearest = min(max(ratio, low), high)
    return (ratio - 1) / (nearest - 1) if nearest != 1 else 1.0


class State(Value):
    """A deployment under load."""

    tokens_s_gpu: float
    """Prompt and generated tokens of the whole run, tok/s/GPU."""
    tpot_ms: float


class PartEffect(Value):
    """What one part is worth at a load, as a ratio of tok/s/GPU with it over without it, and of TPOT."""

    part: StackPart
    alone: float
    """Turned on where all others are off."""
    alone_tpot: float
    in_turn: State
    """With this part and those before it on."""
    missing: float
    """All on, over all but this one."""
    missing_tpot: float


class WeighingAnswer(Value):
    """All parts at one load."""

    weighing: Weighing
    concurrency: int
    none: State
    """All parts off."""
    effects: tuple[PartEffect, ...]

    @property
    def all(self) -> State:
        """All parts on."""
        return self.effects[-1].in_turn


class BytesAndTime(Value):
    """Bytes and time of a dispatch and combine, as factors by which they shrink."""

    tokens: int
    """Of one rank."""
    microseconds: float
    """Of one layer, in the stack's own formats."""
    time_over_bf16: float
    """BF16 both ways over the stack's own."""
    time_over_fp8: float
    """FP8 there and BF16 back, which is the usual, over the stack's own."""


class ExchangeAnswer(Value):
    """What fewer bytes are worth in time."""

    bytes_over_bf16: float
    bytes_over_fp8: float
    rows: tuple[BytesAndTime, ...]


class AblationResult(Value):
    """Everything that `inferbench twin ablate` found."""

    name: str
    title: str
    as_of: str
    figures: tuple[FigureAnswer, ...]
    weighings: tuple[WeighingAnswer, ...]
    exchange: ExchangeAnswer
