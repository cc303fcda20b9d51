"""Blocks of constants that say where they come from."""

from __future__ import annotations

from typing import Literal

from inferbench.values import Value

Precision = Literal["fp4", "fp8", "bf16"]


class Sourced(Value):
    """A block of constants that says where it comes from."""

    source: str
    how: Literal["fitted", "measured", "derived", "assumed"]
