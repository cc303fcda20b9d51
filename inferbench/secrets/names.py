"""Which names hold secrets: of options, environment variables, headers, JSON keys, and parts of a query."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

ALWAYS = frozenset(
    {
        "accesskey", "apikey", "authorization", "authtoken", "bearer", "cookie", "cookies", "credential",
        "credentials", "hftoken", "jwt", "passphrase", "passwd", "password", "passwords", "privatekey", "secret",
        "secretkey", "secrets", "signature",
    }
)  # fmt: skip
"""A name with one of these words holds a secret, unless it says where the secret lies."""
_PLACES = frozenset({"dir", "env", "file", "keyfile", "name", "path"})
"""A name that ends so says where a secret lies, and does not hold it: `--api-key-file`."""
_COUNTED = frozenset(
    {
        "audio", "bad", "bos", "chunk", "cls", "decode", "draft", "each", "end", "eos", "extra", "first", "image",
        "input", "last", "mask", "max", "min", "new", "next", "output", "pad", "per", "prefill", "prompt", "sep",
        "special", "start", "stop", "text", "think", "tool", "total", "unk", "video",
    }
)  # fmt: skip
"""A `token` after one of these is a piece of text."""
_NO_KEYS = frozenset({"cache", "foreign", "group", "hash", "partition", "primary", "routing", "sort"})
"""A `key` after one of these opens nothing."""

HARMLESS_HEADERS = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-type", "user-agent"}
)
"""Headers whose values are no secrets. Those of any other may be: nobody knows what a gateway takes as a password."""


def is_secret_name(name: str) -> bool:
    """Whether what stands under a name is a secret: `HF_TOKEN`, `--api-key`, `X-Amz-Signature`, `adminApiKey`.

    `--max-tokens`, `tokenizer`, `completion_tokens` and `eos_token` are none, nor is `--api-key-file`.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _PLACES:
        return False
    return is_surely_secret(name) or _ends_secret(words)


def is_surely_secret(name: str) -> bool:
    """Whether a name can mean nothing else, so that whatever stands under it is a secret."""
    return any(word.lower() in ALWAYS for word in _WORD.findall(name))


def _ends_secret(words: list[str]) -> bool:
    words = words[:-1] if words[-2:] == ["key", "id"] else words
    before, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if last == "token":
        return before not in _COUNTED
    if last in ("key", "keys"):
        return before != "" and before not in _NO_KEYS
    return last in ("auth", "sig") or (last in ("pass", "pwd") and before != "" and before not in _COUNTED)
