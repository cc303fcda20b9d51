"""Unit conversions, named once. Times inside a run are integer nanoseconds; people read milliseconds."""

from __future__ import annotations

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000
MS_PER_S = 1_000
SECONDS_PER_HOUR = 3_600
TOKENS_PER_MTOK = 1_000_000
HOURS_PER_YEAR = 8_760
HOURS_PER_MONTH = 730
SECONDS_PER_DAY = 86_400
