"""Arrays by what they hold, and what stands for None in one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


Floats = NDArray[np.float64]


NEVER = np.iinfo(np.int64).min
"""Stands for None in an integer column."""
