"""What a sweep point's tokens cost: an hourly bill over the tokens of an hour.

Formulas as in InferenceX (SemiAnalysisAI/InferenceX-app, packages/app/src/lib/chart-utils.ts). Whole-cluster
accounting charges all GPUs to whichever tokens are asked about. Role accounting charges prefill GPUs to prompt
tokens and decode GPUs to generated ones; the two parts then add up to the bill, but output cost leaves out the
prefill that the output needed. Both are given, since published figures use the second.
"""

from __future__ import annotations

from ..domain.cost import Cost, CostLine
from ..domain.errors import UsageError
from ..domain.price import Price, PriceBook
from ..domain.summary import Basis, BasisSummary, PointSummary, SweepPoint
from ..domain.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from .prices import all_in_kw, price_of

W_PER_KW = 1_000


def usd_per_mtok(usd_per_gpu_hour: float, tput_per_gpu: float) -> float:
    """Return USD per million tokens: the hourly price over the millions of tokens that a GPU makes in an hour.

    `tput_per_gpu` is in tok/s/GPU. Raises ValueError unless it is positive: no tokens have no price per token.
    """
    if not tput_per_gpu > 0:
        raise ValueError(f"throughput must be positive, not {tput_per_gpu} tok/s/GPU")
    return usd_per_gpu_hour / (tput_per_gpu * SECONDS_PER_HOUR / TOKENS_PER_MTOK)


def joules_per_token(kw_per_gpu: float, tput_per_gpu: float) -> float:
    """Return J per token from power in kW/GPU and throughput in tok/s/GPU."""
    return kw_per_gpu * W_PER_KW / tput_per_gpu


def cost(summary: PointSummary, book: PriceBook, tier: str, gpu: str, basis: Basis) -> Cost:
    """Price one sweep point under one tier of one book, from its throughput on one basis.

    Raises FileError where the book has no such price, and UsageError where the point has no figures on `basis`.
    """
    point, figures = summary.point, _figures(summary, basis)
    throughput = figures.throughput
    lines = _bill(point, price_of(book, gpu, tier))
    usd_per_hour = sum(line.usd_per_hour for line in lines)
    usd_per_gpu_hour = usd_per_hour / point.gpus
    kw = all_in_kw(book, gpu)
    input_role = (
        usd_per_mtok(usd_per_gpu_hour, throughput.input_tput / point.prefill_gpus) if point.prefill_gpus else None
    )
    return Cost(
        point=point,
        origin=summary.origin,
        basis=basis,
        book=book.name,
        tier=tier,
        lines=lines,
        usd_per_hour=usd_per_hour,
        usd_per_mtok_total=usd_per_mtok(usd_per_gpu_hour, throughput.tput_per_gpu),
        usd_per_mtok_input=usd_per_mtok(usd_per_gpu_hour, throughput.input_tput / point.gpus),
        usd_per_mtok_output=usd_per_mtok(usd_per_gpu_hour, throughput.output_tput / point.gpus),
        usd_per_mtok_input_role=input_role,
        usd_per_mtok_output_role=usd_per_mtok(usd_per_gpu_hour, throughput.output_tput / point.decode_gpus),
        joules_per_token_provisioned=None if kw is None else joules_per_token(kw, throughput.tput_per_gpu),
    )


def _figures(summary: PointSummary, basis: Basis) -> BasisSummary:
    figures = summary.on(basis)
    if figures is None:
        reason = summary.window_reason if basis is Basis.WINDOW else "no request succeeded"
        raise UsageError(f"{summary.point.key} has no {basis} figures to price: {reason}")
    return figures


def _bill(point: SweepPoint, price: Price) -> tuple[CostLine, ...]:
    """The hourly bill of a point whose tier is all-in: its GPUs by role, and nothing beside them."""
    roles = (("prefill GPUs", point.prefill_gpus), ("decode GPUs", point.decode_gpus))
    return tuple(
        CostLine(item=item, usd_per_unit_hour=price.value, quantity=gpus, unit="GPU", source=price.source)
        for item, gpus in roles
        if gpus
    )
