"""Numbers of the steady state: one, or as many as parameter sets or deployments are evaluated at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

Real = float | NDArray[np.float64]
"""A number, or an array of them: shapes broadcast, (sets, 1) for constants and (points,) for loads."""


def one(value: Real) -> float:
    """The number itself. Raises TypeError for an array: events happen in one deployment, a steady state in many."""
    if isinstance(value, float | int):
        return value
    raise TypeError("many parameter sets at once have a steady state, but no events")


def many(value: Real) -> NDArray[np.float64]:
    """The array itself. Raises TypeError for a single number."""
    if isinstance(value, np.ndarray):
        return value
    raise TypeError("one number, where there should be one for each of many")


@dataclass(frozen=True, slots=True)
class _OneOrMany:
    """A field for a number within bounds, which may be an array of such numbers. Files hold numbers only."""

    ge: float | None = None
    gt: float | None = None
    lt: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.float_schema(ge=self.ge, gt=self.gt, lt=self.lt, allow_inf_nan=False)
        return core_schema.no_info_wrap_validator_function(self._checked, number)

    def _checked(self, value: Any, number: ValidatorFunctionWrapHandler) -> Real:
        if not isinstance(value, np.ndarray):
            found: float = number(value)
            return found
        within = ((self.ge, np.greater_equal), (self.gt, np.greater), (self.lt, np.less))
        if not all(bound is None or holds(value, bound).all() for bound, holds in within):
            raise ValueError("an array with numbers out of bounds")
        return value


Positive = Annotated[Real, _OneOrMany(gt=0)]
NonNegative = Annotated[Real, _OneOrMany(ge=0)]
Share = Annotated[Real, _OneOrMany(ge=0, lt=1)]
"""From 0 up to, but not, 1."""
