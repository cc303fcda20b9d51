"""Whether a request that failed is worth another attempt, and when."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime

from inferbench.loadgen.http.exchange import HttpExchange
from inferbench.records.request_record import Status

FIRST_WAIT_S = 0.1
"""Wait before the second attempt where the server names none; it doubles with each further one."""
LONGEST_WAIT_S = 60.0


def retry_delay_s(exchange: HttpExchange, status: Status) -> float | None:
    """Return the wait before the next attempt, s; None where there should be none.

    Only what was certainly not served is sent again: a refused connection, and the answers 429 and 5xx, which come
    instead of a stream. A server's Retry-After (RFC 9110, section 10.2.3) is obeyed for LONGEST_WAIT_S at most.
    """
    head = exchange.response.head
    refused = status is Status.REFUSED
    turned_away = status is Status.ERROR and head is not None and (head.status == 429 or head.status >= 500)
    if not refused and not turned_away:
        return None
    asked = parse_retry_after(head.headers.get("retry-after", ""), time.time()) if head is not None else None
    wait = FIRST_WAIT_S * 2 ** (exchange.attempts - 1) if asked is None else asked
    return min(max(wait, 0.0), LONGEST_WAIT_S)


def parse_retry_after(value: str, now_unix: float) -> float | None:
    """Read a Retry-After header, seconds or a date, as a wait in s; None where it is neither."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            return parsedate_to_datetime(value).timestamp() - now_unix
        except (ValueError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) else None
