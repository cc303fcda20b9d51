"""A tiny Llama with random weights, for a real engine to serve without a download.

It speaks the built-in language of our prompts: each of its words is one token, so that prompts have the length that was
asked for, and it answers with such words alone and never ends by itself, so that each token of an answer is one event.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inferbench.distribution import install
from inferbench.errors import UsageError
from inferbench.workload.vocabulary import MADE_UP

if TYPE_CHECKING:
    from gguf import GGUFWriter

NAME = "tiny-llama"
GGUF = f"{NAME}.gguf"
TOKENIZER = "tokenizer.json"

HEADS, KV_HEADS, CONTEXT = 4, 2, 8192
EPSILON = 1e-5
ROPE_THETA = 10_000.0
SPECIAL = ("<|bos|>", "<|eos|>", "<|pad|>")
BOS, EOS, PAD = range(3)
SPACE = "Ġ"
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %} {{ m['role'] }} {{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %} assistant{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large it is, and with that how slow."""

    layers: int
    width: int
    inner: int
    """Width of a feed-forward layer."""

    @property
    def kv_width(self) -> int:
        """Width of the keys of a token in a layer."""
        return self.width // HEADS * KV_HEADS


SMALL = Size(layers=2, width=128, inner=256)
"""0.3 million weights: some thousand tokens a second on one core."""
TRIAL = Size(layers=8, width=512, inner=1536)
"""26 million weights: some hundred tokens a second on one core, slow enough for a client beside it to stamp well."""
_NEVER = -10_000.0
"""Weight of the constant dimension in the logit of a token that is never to be generated."""

Weights = dict[str, NDArray[np.float32]]


def vocabulary() -> tuple[list[str], list[tuple[str, str]]]:
    """Return tokens in the order of their ids, and merges in the order of their rank, of a byte-level BPE.

    Bytes make syllables, syllables words, and a space before a word is part of it, as in GPT-2's tokenizer.
    """
    syllables = sorted({word[:2] for word in MADE_UP})
    tokens = [*SPECIAL, *_byte_letters(), *syllables, *MADE_UP, *(SPACE + word for word in MADE_UP)]
    merges = [(s[0], s[1]) for s in syllables]
    merges += [(word[:2], word[2:]) for word in MADE_UP]
    merges += [(SPACE, word) for word in MADE_UP]
    return tokens, merges


def _byte_letters() -> list[str]:
    """The printable letter that stands for each byte in GPT-2's vocabulary."""
    shown = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte if byte in shown else 256 + hidden.index(byte)) for byte in range(256)]


def tokenizer_json() -> dict[str, Any]:
    """The tokenizer in the format of Hugging Face's `tokenizers`."""
    tokens, merges = vocabulary()
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": k, "content": token, **flags} for k, token in enumerate(SPECIAL)],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {token: k for k, token in enumerate(tokens)},
            "merges": [" ".join(pair) for pair in merges],
        },
    }


def weights(size: Size, seed: int = 0) -> Weights:
    """Weights by the names of Hugging Face's Llama, rows are outputs.

    Dimension 0 of the residual stream is the same for every token and no layer writes to it: by it the logits of all
    tokens but the words are pushed down.
    """
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 0.05) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    tokens, _ = vocabulary()
    width, inner = size.width, size.inner
    made = {
        "model.embed_tokens.weight": normal(len(tokens), width, scale=0.1),
        "lm_head.weight": normal(len(tokens), width, scale=1),
    }
    made["model.norm.weight"] = np.ones(width, np.float32)
    made["model.embed_tokens.weight"][:, 0] = 1
    made["lm_head.weight"][:, 0] = _NEVER
    made["lm_head.weight"][-len(MADE_UP) :, 0] = 0
    for k in range(size.layers):
        layer = f"model.layers.{k}."
        shapes = {
            "self_attn.q_proj": (width, width),
            "self_attn.k_proj": (size.kv_width, width),
            "self_attn.v_proj": (size.kv_width, width),
            "self_attn.o_proj": (width, width),
            "mlp.gate_proj": (inner, width),
            "mlp.up_proj": (inner, width),
            "mlp.down_proj": (width, inner),
        }
        made |= {f"{layer}{name}.weight": normal(*shape) for name, shape in shapes.items()}
        made |= {
            f"{layer}{name}.weight": np.ones(width, np.float32)
            for name in ("input_layernorm", "post_attention_layernorm")
        }
        for name in ("self_attn.o_proj", "mlp.down_proj"):
            made[f"{layer}{name}.weight"][0] = 0
    return made


_GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def write_gguf(folder: Path, size: Size) -> Path:
    """Write the model for llama.cpp, its tokenizer beside it, and return the model's path; one that is there is kept.

    Raises UsageError where the extra `llama` is missing.
    """
    path = folder / GGUF
    if path.exists() and (folder / TOKENIZER).exists():
        return path
    try:
        from gguf import GGUFWriter
    except ImportError:
        raise UsageError(f"a model for llama.cpp needs the extra: {install('llama')}") from None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TOKENIZER).write_text(json.dumps(tokenizer_json()), encoding="utf-8")
    part = folder / f".{GGUF}.{os.getpid()}"  # whoever starts a second engine meanwhile never sees half a model
    writer = GGUFWriter(part, "llama")
    _describe(writer, size)
    _describe_tokenizer(writer)
    for name, values in weights(size).items():
        writer.add_tensor(_gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, path)
    return path


def _describe(writer: GGUFWriter, size: Size) -> None:
    writer.add_name(NAME)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(size.width)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.inner)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_dimension_count(size.width // HEADS)
    writer.add_rope_freq_base(ROPE_THETA)
    writer.add_vocab_size(len(vocabulary()[0]))


def _describe_tokenizer(writer: GGUFWriter) -> None:
    from gguf import TokenType

    tokens, merges = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * (len(tokens) - len(SPECIAL)))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _gguf_name(name: str) -> str:
    own = name.removesuffix(".weight")
    if own.startswith("model.layers."):
        number, own = own.removeprefix("model.layers.").split(".", 1)
        return f"blk.{number}.{_GGUF_NAMES[own]}.weight"
    return f"{_GGUF_NAMES[own]}.weight"
