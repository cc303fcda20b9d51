"""The server's own tokenizer, from a local file: the extra `tokenizers`. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from inferbench.distribution import install
from inferbench.errors import FieldName, FileError, UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"

MOST_WORDS = 4096
"""Single-token words looked for; more make no prompt more random."""

_WORD = re.compile(r"[A-Za-z]{2,}")

_ANCHOR = "the"
"""Words are tried behind this one: some tokenizers treat the beginning of a text otherwise."""

_BATCH = 2048


class ServerTokenizer:
    """A Hugging Face `tokenizer.json`, or the folder that it lies in.

    Counts include the special tokens that the tokenizer adds to a text by itself, as servers count a prompt; a chat
    template adds more. Raises UsageError where the extra is missing, FileError where the file cannot be used.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.path = path / FILE if path.is_dir() else path
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise FileError(
                f"{self.path}: the tokenizer cannot be read: no such file, and nothing is downloaded; give the path of "
                "the model's tokenizer.json or of its folder"
            ) from None
        except OSError as error:
            raise FileError(f"{self.path}: the tokenizer cannot be read: {error.strerror}") from None
        self._tokenizer = _load(self.path, content)
        self.name = f"tokenizer-{hashlib.sha256(content).hexdigest()[:16]}"

    def count(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self._tokenizer.encode(text).ids)

    def count_text(self, text: str) -> int:
        """Return the number of tokens of a text, without the special ones that the tokenizer adds."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(texts)]

    @property
    def added(self) -> int:
        """Special tokens that the tokenizer adds to a text."""
        return self._tokenizer.num_special_tokens_to_add(is_pair=False)

    @property
    def vocab_size(self) -> int:
        """Token ids lie below this."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of tokens that are no text: ends, roles, and the like."""
        return frozenset(self._tokenizer.get_added_tokens_decoder())

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of letters that are one token each wherever they follow a space, most common first.

        A row of k of them has k tokens. Raises UsageError where the tokenizer has none.
        """
        found: list[str] = []
        for batch in self._candidates():
            counts = self.counts([f"{_ANCHOR} {word} {word}" for word in batch])
            alone = self.count(_ANCHOR)
            found += [word for word, count in zip(batch, counts, strict=True) if count == alone + 2]
            if len(found) >= MOST_WORDS:
                break
        if not found:
            raise UsageError(f"{self.path}: no word of letters is a single token, so no exact prompts can be made")
        return tuple(found[:MOST_WORDS])

    def _candidates(self) -> Iterator[list[str]]:
        ids = sorted(set(self._tokenizer.get_vocab(with_added_tokens=False).values()))
        for begin in range(0, len(ids), _BATCH):
            texts = self._tokenizer.decode_batch([[token] for token in ids[begin : begin + _BATCH]])
            words = (text.strip() for text in texts)
            yield list(dict.fromkeys(word for word in words if _WORD.fullmatch(word)))


def _load(path: Path, content: bytes) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise UsageError(FieldName("tokenizer"), f" needs the extra: {install('tokenizers')}") from None
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises nothing narrower
        raise FileError(f"{path}: is no tokenizer.json: {' '.join(str(error).split())}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
