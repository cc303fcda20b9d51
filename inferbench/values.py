"""The base of every value that has a file format."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class DescribedValue(Value):
    """A value whose docstrings below its fields are their descriptions in a published JSON Schema.

    They are read from the source when the class is made, which a program that publishes none need not wait for.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)
