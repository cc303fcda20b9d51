"""The mean that ratios are taken of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of figures above 0, in their unit; at least one."""
    return float(np.exp(np.mean(np.log(values))))
