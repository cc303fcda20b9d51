"""Where two deployments cost the same."""

from __future__ import annotations

from inferbench.values import Value


class BreakEven(Value):
    """The price ratio at which two deployments cost the same, over the paces that both reach; shape (n,) each."""

    first: str
    second: str
    interactivity: tuple[float, ...]
    """tok/s/user."""
    price_ratio: tuple[float, ...]
    """Hourly price of a GPU of the first over one of the second at which both cost the same."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Below `low` the first is cheaper, above `high` the second; between them it is UNDECIDED."""
