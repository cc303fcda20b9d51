"""Which prompt maker a load gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..domain.errors import UsageError
from ..domain.plan import PlannedRequest
from .exact import ExactPrompts
from .given import GivenPrompts
from .prompts import PromptMaker, WordPrompts
from .token_ids import TokenIdPrompts
from .tokenizer import ServerTokenizer
from .traces import custom, sharegpt
from .traces.request import BadLines
from .vocabulary import TextWords

WARM_UP = "warmup"
"""The salt of a warm-up. Its prompts are made up: a prompt that is measured later must not be cached by then."""


@dataclass(frozen=True, slots=True)
class PromptSource:
    """Where prompts come from, as paths: it can be sent to another process, which reads the files itself.

    Raises UsageError for what does not go together.
    """

    tokenizer: Path | None = None
    """The server's tokenizer, `tokenizer.json` or its folder: prompts are exact with it, words without."""
    sharegpt: Path | None = None
    """Conversations to take natural text from."""
    custom: Path | None = None
    """Prompts to send as they are, of the requests that name them."""
    token_ids: bool = False
    """Send random token ids: needs the tokenizer, or the size of its vocabulary."""
    vocab_size: int | None = None

    def __post_init__(self) -> None:
        if self.token_ids and self.sharegpt is not None:
            raise UsageError("token ids are drawn at random and cannot come from a data set; send text instead")
        if self.token_ids and self.tokenizer is None and self.vocab_size is None:
            raise UsageError("token ids need --tokenizer or --vocab-size")

    def maker(self, salt: str) -> PromptMaker:
        """Return the maker of a sweep point's prompts; `salt` is the plan's. Raises FileError for unusable files."""
        if self.custom is not None and salt != WARM_UP:
            return read_prompts(self.custom)
        tokenizer = None if self.tokenizer is None else read_tokenizer(self.tokenizer)
        text = None if self.sharegpt is None else read_text(self.sharegpt)
        if not self.token_ids:
            return WordPrompts(salt, text) if tokenizer is None else ExactPrompts(salt, tokenizer, text)
        special = frozenset[int]() if tokenizer is None else tokenizer.special_ids
        return TokenIdPrompts(salt, self.vocab_size or (0 if tokenizer is None else tokenizer.vocab_size), special)

    def __call__(self, salt: str) -> Callable[[PlannedRequest], str | list[int]]:
        """Return what makes the prompts of a plan."""
        return self.maker(salt).make


@lru_cache(maxsize=1)
def read_tokenizer(path: Path) -> ServerTokenizer:
    """Read a tokenizer, once in a process."""
    return ServerTokenizer(path)


@lru_cache(maxsize=1)
def read_text(path: Path) -> TextWords:
    """Read the text of ShareGPT conversations, once in a process."""
    return TextWords(sharegpt.texts(path, BadLines(path)))


@lru_cache(maxsize=1)
def read_prompts(path: Path) -> GivenPrompts:
    """Read the prompts of a file, once in a process."""
    return GivenPrompts([line.prompt for line in custom.read(path, BadLines(path))])
