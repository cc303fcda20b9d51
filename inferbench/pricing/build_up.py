"""The hour of an owned GPU, built up as lines of price x quantity.

Annual capital is (capex - residual / (1 + r)^n) x CRF. Power is charged on average draw times PUE, space on
provisioned power. Availability and utilisation come last and once: the hours that a GPU is down or idle are paid for
by those that it works. Every year has 8,760 hours and every month 730.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from inferbench.units import HOURS_PER_MONTH, HOURS_PER_YEAR


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


IDLE = "down and idle time"
"""The line that availability and utilisation add."""
_TERMS = ("depreciation_years", "capital_rate")


@dataclass(frozen=True, slots=True)
class BuildUpLine:
    """One line: a price per unit and hour, a quantity per GPU, and the figures behind both, price first."""

    item: str
    usd_per_unit_hour: float
    quantity: float
    unit: str
    uses: tuple[str, ...]

    @property
    def usd(self) -> float:
        """USD per GPU-hour."""
        return self.usd_per_unit_hour * self.quantity


def provisioned_parts(v: Mapping[str, float], switches: Mapping[str, bool]) -> list[BuildUpLine]:
    """Return the lines of an hour that a GPU is there, working or not; `v` has a value for every item of ITEMS."""
    years, rate = v["depreciation_years"], v["capital_rate"]
    servers = 1 / v["gpus_per_server"]
    per_year, per_month = 1 / HOURS_PER_YEAR, 1 / HOURS_PER_MONTH
    server_hour = v["server_price"] * annual_share(rate, years, v["residual_share"]) * per_year
    server_uses = ("server_price", "gpus_per_server")
    parts = [
        BuildUpLine("server capital", server_hour, servers, "server/GPU", (*server_uses, *_TERMS, "residual_share"))
    ]
    if switches["fabric"]:
        fabric_hour = v["fabric_price"] * annual_share(rate, years, 0) * per_year
        parts.append(BuildUpLine("fabric capital", fabric_hour, 1, "port/GPU", ("fabric_price", *_TERMS)))
    draw = v["kw_per_gpu"] * v["load"] * v["pue"]
    parts += [
        BuildUpLine("electricity", v["power_price"], draw, "kW/GPU", ("power_price", "kw_per_gpu", "load", "pue")),
        BuildUpLine("space", v["space_price"] * per_month, v["kw_per_gpu"], "kW/GPU", ("space_price", "kw_per_gpu")),
        BuildUpLine(
            "storage", v["storage_price"] * per_month, v["storage_per_gpu"], "GB/GPU",
            ("storage_price", "storage_per_gpu"),
        ),
        BuildUpLine(
            "staff", v["staff_price"] * per_year, v["staff_per_gpu"], "person/GPU", ("staff_price", "staff_per_gpu")
        ),
        BuildUpLine(
            "spares", v["server_price"] * per_year, v["spares_rate"] * servers, "server/GPU/year",
            (*server_uses, "spares_rate"),
        ),
    ]  # fmt: skip
    if switches["licence"]:
        parts.append(BuildUpLine("licence", v["licence_price"] * per_year, 1, "licence/GPU", ("licence_price",)))
    return parts


def idle_part(provisioned: float, availability: float, utilisation: float) -> BuildUpLine:
    """Return the line of the hours that are paid for and not worked: 1 / (a x u) - 1 of them per working hour."""
    idle_hours = 1 / (availability * utilisation) - 1
    return BuildUpLine(IDLE, provisioned, idle_hours, "idle hour/working hour", ("utilisation", "availability"))


def provisioned_usd(v: Mapping[str, float], switches: Mapping[str, bool]) -> float:
    """Return USD for one hour that a GPU is there."""
    return sum(part.usd for part in provisioned_parts(v, switches))


def working_usd(v: Mapping[str, float], switches: Mapping[str, bool]) -> float:
    """Return USD for one hour that a GPU works: the provisioned hour over availability and utilisation."""
    return provisioned_usd(v, switches) / (v["availability"] * v["utilisation"])
