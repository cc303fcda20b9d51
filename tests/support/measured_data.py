"""Where measured data lies that may not be committed, if this machine has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("INFERBENCH_DATA", Path(__file__).parents[3] / "shared" / "data"))


def measured(name: str) -> Path:
    """Path of a measured file; skips the test where it is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"measured data is absent: set INFERBENCH_DATA to the folder of {name}")
    return path
