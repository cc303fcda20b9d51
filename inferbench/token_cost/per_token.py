"""What a sweep point's tokens cost: an hourly bill over the tokens of an hour.

Formulas as in InferenceX (SemiAnalysisAI/InferenceX-app, packages/app/src/lib/chart-utils.ts). Whole-cluster
accounting charges all GPUs to whichever tokens are asked about. Role accounting charges prefill GPUs to prompt
tokens and decode GPUs to generated ones; the two parts then add up to the bill, but output cost leaves out the
prefill that the output needed. Both are given, since published figures use the second.
"""

from __future__ import annotations

from inferbench.errors import UsageError
from inferbench.metrics.summary import Basis, BasisSummary, PointSummary, SweepPoint, Throughput
from inferbench.pricing.bill_lines import Bill, CostLine
from inferbench.pricing.hourly_bill import hourly_bill
from inferbench.pricing.owned_book import Book, OwnedBook
from inferbench.pricing.price_books import all_in_kw
from inferbench.pricing.settings import BOOK_AS_IT_IS, CostSettings
from inferbench.token_cost.cost import Blend, Cost
from inferbench.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

W_PER_KW = 1_000
KW_PER_MW = 1_000


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


def tokens_per_s_per_mw(kw_per_gpu: float, tput_per_gpu: float) -> float:
    """Return tok/s per MW from power in kW/GPU and throughput in tok/s/GPU."""
    return tput_per_gpu / kw_per_gpu * KW_PER_MW


def tokens_per_usd(usd_per_mtok_total: float) -> float:
    """Return how many tokens a dollar buys."""
    return TOKENS_PER_MTOK / usd_per_mtok_total


def blended(usd_per_mtok_input: float, usd_per_mtok_output: float, blend: Blend) -> float:
    """Return USD per million tokens of a mix, from what prompt and generated tokens cost in role accounting.

    A cached prompt token counts at `cached_price_share` of one that is computed. At a point's own ratio and without
    cache this is its total cost. At another ratio it holds as far as prefill and decode can be resized apart. Costs
    of the whole cluster must not be blended: each holds the whole bill already.
    """
    computed = 1 - blend.hit_rate * (1 - blend.cached_price_share)
    prompt = blend.input_per_output * computed * usd_per_mtok_input
    return (prompt + usd_per_mtok_output) / (blend.input_per_output + 1)


def cost(
    summary: PointSummary,
    book: Book,
    tier: str,
    gpu: str,
    basis: Basis,
    *,
    settings: CostSettings = BOOK_AS_IT_IS,
    blend: Blend | None = None,
) -> Cost:
    """Price one sweep point under one tier of one book, from its throughput on one basis.

    `summary` is the point's, `book` a price book, `tier` one of its tiers, `gpu` the name of a GPU; `basis` is the
    whole run or its steady state. `settings` take the place of the book's own, and `blend` is a mix of prompt and
    generated tokens to price. The result is in USD per hour, per million tokens and per request, and in J per token;
    the formulas stand at its fields, and worked by hand in docs/tco.md.
    Raises FileError where the book has no such price, UsageError where the point has no figures on `basis` or the
    book has no room for `settings`.
    """
    point, throughput = summary.point, _figures(summary, basis).throughput
    bill, kw = hourly_bill(book, gpu, tier, settings), all_in_kw(book, gpu, settings)
    usd, tput = bill.usd_per_gpu_hour, throughput.tput_per_gpu
    total = usd_per_mtok(usd, tput)
    input_role = usd_per_mtok(usd, throughput.input_tput / point.prefill_gpus) if point.prefill_gpus else None
    output_role = usd_per_mtok(usd, throughput.output_tput / point.decode_gpus)
    request = _usd_per_request(usd * point.gpus, throughput.request_tput)
    return Cost(
        point=point,
        origin=summary.origin,
        basis=basis,
        book=book.name,
        tier=tier,
        lines=_lines(point, book, bill),
        usd_per_hour=usd * point.gpus,
        usd_per_mtok_total=total,
        usd_per_mtok_input=usd_per_mtok(usd, throughput.input_tput / point.gpus),
        usd_per_mtok_output=usd_per_mtok(usd, throughput.output_tput / point.gpus),
        usd_per_mtok_input_role=input_role,
        usd_per_mtok_output_role=output_role,
        joules_per_token_provisioned=None if kw is None else joules_per_token(kw, tput),
        usd_per_gpu_hour=usd,
        usd_per_gpu_hour_low=bill.low,
        usd_per_gpu_hour_high=bill.high,
        usd_per_request=request * _ok_share(summary) if request is not None and basis is Basis.WHOLE_RUN else None,
        usd_per_successful_request=request,
        usd_per_mtok_goodput=_usd_per_mtok_goodput(total, throughput),
        usd_per_mtok_blended=blended(input_role, output_role, blend) if blend and input_role is not None else None,
        blend=blend,
        tokens_per_usd=tokens_per_usd(total),
        tokens_per_s_per_mw=None if kw is None else tokens_per_s_per_mw(kw, tput),
    )


def _figures(summary: PointSummary, basis: Basis) -> BasisSummary:
    figures = summary.on(basis)
    if figures is None:
        reason = summary.window_reason if basis is Basis.WINDOW else "no request succeeded"
        raise UsageError(f"{summary.point.key} has no {basis} figures to price: {reason}")
    return figures


def _usd_per_request(usd_per_hour: float, request_tput: float) -> float | None:
    """None where the request rate is not known: an imported point need not have one."""
    return usd_per_hour / (request_tput * SECONDS_PER_HOUR) if request_tput else None


def _usd_per_mtok_goodput(usd_per_mtok_total: float, throughput: Throughput) -> float | None:
    """None without an SLO, and where no request met it: no tokens have no price per token.

    Requests that met the SLO are taken to be as long as all that succeeded.
    """
    if not throughput.goodput or not throughput.request_tput:
        return None
    return usd_per_mtok_total * throughput.request_tput / throughput.goodput


def _ok_share(summary: PointSummary) -> float:
    """Requests that succeeded over requests that were sent."""
    sent = summary.counts.planned - summary.counts.unsent
    return summary.counts.ok / sent if sent else 1.0


def _lines(point: SweepPoint, book: Book, bill: Bill) -> tuple[CostLine, ...]:
    """The hourly bill of a point: a GPU's bill for all its GPUs; an all-in price is charged by role."""
    if isinstance(book, OwnedBook):
        return tuple(_scaled(line, point.gpus) for line in bill.lines)
    price, *idle = bill.lines
    roles = (("prefill GPUs", point.prefill_gpus), ("decode GPUs", point.decode_gpus))
    by_role = [_scaled(price, gpus).model_copy(update={"item": item}) for item, gpus in roles if gpus]
    return (*by_role, *(_scaled(line, point.gpus) for line in idle))


def _scaled(line: CostLine, gpus: int) -> CostLine:
    ends = {name: None if end is None else end * gpus for name, end in (("low", line.low), ("high", line.high))}
    return line.model_copy(update={"quantity": line.quantity * gpus, **ends})
