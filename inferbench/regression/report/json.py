"""A regression verdict for machines, under a JSON Schema that comes with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson

from inferbench.regression.verdicts import RegressionReport

SCHEMA_FILE = Path(__file__).with_name("regression.schema.json")


def regression_json(report: RegressionReport) -> bytes:
    """The report, keys sorted: equal reports give equal bytes."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(report.model_dump(mode="json"), option=options)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `regression_json` writes."""
    made = RegressionReport.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def schema_text() -> str:
    """The content of SCHEMA_FILE."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"
