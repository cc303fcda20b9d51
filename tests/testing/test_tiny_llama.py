"""The tiny model: its tokenizer takes a word for a token, and the file says what the writer meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from inferbench.testing.tiny_llama import SMALL, TOKENIZER, vocabulary, weights, write_gguf
from inferbench.workload.vocabulary import MADE_UP

gguf = pytest.importorskip("gguf", reason="llama.cpp is not installed (the extra llama)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    write_gguf(made, SMALL)
    return made


def test_a_word_is_a_token_and_any_text_comes_back(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    text = " ".join(MADE_UP)
    assert len(tokenizer.encode(text).ids) == len(MADE_UP)
    for other in ("Grüße, 世界\n\t", "def f(x): return x", text):
        assert tokenizer.decode(tokenizer.encode(other).ids) == other


def test_the_file_holds_the_weights_and_the_vocabulary(folder: Path) -> None:
    reader = gguf.GGUFReader(folder / "tiny-llama.gguf")
    assert len(reader.fields["tokenizer.ggml.tokens"].data) == len(vocabulary()[0])
    assert len(reader.fields["tokenizer.ggml.merges"].data) == len(vocabulary()[1])
    held = {tensor.name: np.asarray(tensor.data) for tensor in reader.tensors}
    meant = weights(SMALL)
    assert len(held) == len(meant)
    np.testing.assert_array_equal(held["blk.1.ffn_down.weight"], meant["model.layers.1.mlp.down_proj.weight"])
    np.testing.assert_array_equal(held["output.weight"], meant["lm_head.weight"])


def test_a_model_that_is_there_is_kept(folder: Path) -> None:
    path = write_gguf(folder, SMALL)
    before = path.stat()
    assert write_gguf(folder, SMALL).stat().st_mtime_ns == before.st_mtime_ns
