"""The tiny model as a Hugging Face folder, which vLLM, transformers and Dynamo read."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.numpy import save_file

from inferbench.testing import tiny_llama
from inferbench.testing.tiny_llama import CONTEXT, EPSILON, HEADS, KV_HEADS, ROPE_THETA, SPECIAL, TOKENIZER, Size

BOS, EOS, PAD = SPECIAL


def write_model(folder: Path, size: Size) -> Path:
    """Write weights, configuration and tokenizer, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tiny_llama.weights(size), folder / "model.safetensors", metadata={"format": "pt"})
    files = {
        "config.json": _config(size),
        TOKENIZER: tiny_llama.tokenizer_json(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BOS, "eos_token": EOS, "pad_token": PAD,
            "model_max_length": CONTEXT, "chat_template": tiny_llama.TEMPLATE,
        },
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def _config(size: Size) -> dict[str, object]:
    tokens, _ = tiny_llama.vocabulary()
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": size.width,
        "intermediate_size": size.inner,
        "num_hidden_layers": size.layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": size.width // HEADS,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": EPSILON,
        "rope_theta": ROPE_THETA,
        "tie_word_embeddings": False,
        "vocab_size": len(tokens),
        "bos_token_id": tiny_llama.BOS,
        "eos_token_id": tiny_llama.EOS,
        "pad_token_id": tiny_llama.PAD,
        "torch_dtype": "float32",
    }


def write_wide_tokenizer(folder: Path) -> None:
    """Put a tokenizer of 9,000 tokens into a model's folder: Dynamo's mocker makes up ids beyond the tiny one's."""
    tokenizer = tiny_llama.tokenizer_json()
    words, vocabulary, merges = tiny_llama.MADE_UP, tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    endings = sorted({word[:2] for word in words})
    for begin in ("", tiny_llama.SPACE):
        for word in words:
            for ending in endings:
                vocabulary[begin + word + ending] = len(vocabulary)
                merges.append(f"{begin}{word} {ending}")
    (folder / TOKENIZER).write_text(json.dumps(tokenizer), encoding="utf-8")
