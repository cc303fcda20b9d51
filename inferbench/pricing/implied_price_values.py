"""What a published price of a GPU-hour implies about the server behind it."""

from __future__ import annotations

from inferbench.values import Value


class ImpliedPrice(Value):
    """Server price, or else cost of capital, at which an owned book's lines come to a tier's price."""

    gpu: str
    book: str
    tier: str
    usd_per_gpu_hour: float
    """The tier's price."""
    owned_book: str
    """Where all other lines come from."""
    years: float
    capital_rate: float
    """Depreciation and cost of capital that the server price is found at, years and 1/year."""
    server_price: float
    """USD per server; negative where the other lines alone come to more than the tier's price."""
    server_price_low: float
    server_price_high: float
    """What the ranges of the other lines do to it."""
    book_server_price: float
    """The server price in the owned book."""
    implied_rate: float | None
    """Cost of capital, 1/year, at which the owned book's own server price gives the tier's price; None: at none."""
    no_rate: str | None = None
    """Why there is no such rate."""
