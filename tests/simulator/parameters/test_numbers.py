"""Constants that are one number or many."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from inferbench.simulator.parameters.numbers import many, one
from inferbench.simulator.parameters.parameters import ClassScale, Padding

SETS = np.array([[0.5], [2.0]])


def test_a_constant_may_be_an_array_of_numbers_within_its_bounds() -> None:
    scale = ClassScale(tp=SETS, tep=1.0, dep=2)
    assert scale.tp is SETS
    assert (scale.tep, scale.dep) == (1.0, 2.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), "many", [1.0, 2.0], np.array([1.0, 0.0])])
def test_a_constant_out_of_bounds_or_of_another_kind_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        ClassScale.model_validate({"tp": wrong, "tep": 1.0, "dep": 1.0})


def test_a_number_out_of_bounds_is_refused_in_the_words_for_numbers() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Padding.model_validate({"us_per_row": -1.0, "max_rows": 1})


def test_events_want_one_number_and_many_results_want_an_array() -> None:
    assert one(2.5) == 2.5
    assert many(SETS) is SETS
    with pytest.raises(TypeError, match="no events"):
        one(SETS)
    with pytest.raises(TypeError, match="each of many"):
        many(2.5)
