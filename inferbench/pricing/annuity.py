"""Capital: what buying something costs a year, and which price a yearly cost pays for."""

from __future__ import annotations

import math


def capital_recovery_factor(rate: float, years: float) -> float:
    """Return CRF = r / (1 - (1 + r)^-n): the share of a loan paid back every year, interest included.

    `rate` is per year and 0 or more; at 0 the factor is 1 / n, its limit. Raises ValueError otherwise, and unless
    `years` is positive. Source: the annuity formula, as in any text on engineering economics.
    """
    if not years > 0:
        raise ValueError(f"years must be above 0, not {years:g}")
    if not rate >= 0:
        raise ValueError(f"the cost of capital must be at least 0, not {rate:g}")
    # expm1 and log1p keep all digits where the rate is close to 0.
    return 1 / years if rate == 0 else rate / -math.expm1(-years * math.log1p(rate))


def annual_share(rate: float, years: float, residual_share: float) -> float:
    """Return the yearly cost of one dollar of capital that sells for `residual_share` after `years`.

    Annual capital = (capex - residual / (1 + r)^n) x CRF.
    """
    return (1 - residual_share * math.exp(-years * math.log1p(rate))) * capital_recovery_factor(rate, years)
