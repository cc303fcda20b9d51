"""The formats that a run can be exported in."""

from __future__ import annotations

from enum import StrEnum


class ExportFormat(StrEnum):
    """What a run can be exported as."""

    INFERENCEX = "inferencex"
    VLLM = "vllm"
    CSV = "csv"
    PARQUET = "parquet"
