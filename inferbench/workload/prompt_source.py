"""Which prompt maker a load gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from inferbench.errors import FieldName, UsageError
from inferbench.workload.exact_length_prompts import ExactPrompts
from inferbench.workload.plan import PlannedRequest
from inferbench.workload.prompts import PromptMaker, WordPrompts
from inferbench.workload.token_id_prompts import TokenIdPrompts
from inferbench.workload.tokenizer import ServerTokenizer
from inferbench.workload.traces import custom_prompts as custom
from inferbench.workload.traces import sharegpt, verbatim
from inferbench.workload.traces.block_hashes import digest
from inferbench.workload.traces.trace_reader import some
from inferbench.workload.traces.trace_request import BadLines
from inferbench.workload.verbatim_prompts import LiteralPrompts
from inferbench.workload.vocabulary import TextWords

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
    trace: Path | None = None
    """A trace that may hold prompts word for word."""
    custom: Path | None = None
    """Prompts to send as they are, of the requests that name them."""
    token_ids: bool = False
    """Send random token ids: needs the tokenizer, or the size of its vocabulary."""
    vocab_size: int | None = None

    def __post_init__(self) -> None:
        if self.token_ids and self.sharegpt is not None:
            raise UsageError("token ids are drawn at random and cannot come from a data set; send text instead")
        if self.token_ids and self.tokenizer is None and self.vocab_size is None:
            raise UsageError("token ids need ", FieldName("tokenizer"), " or ", FieldName("vocab_size"))

    def absolute(self) -> PromptSource:
        """The same files, named so that a process with another working directory finds them, too."""
        paths = (self.tokenizer, self.sharegpt, self.trace)
        tokenizer, text, trace = (None if path is None else path.absolute() for path in paths)
        return replace(self, tokenizer=tokenizer, sharegpt=text, trace=trace)

    def maker(self, salt: str) -> PromptMaker:
        """Return the maker of a sweep point's prompts; `salt` is the plan's. Raises FileError for unusable files."""
        tokenizer = None if self.tokenizer is None else read_tokenizer(self.tokenizer)
        text = None if self.sharegpt is None else read_text(self.sharegpt)
        if not self.token_ids:
            made: PromptMaker = WordPrompts(salt, text) if tokenizer is None else ExactPrompts(salt, tokenizer, text)
            texts = None if salt == WARM_UP else self._texts
            return made if texts is None else LiteralPrompts(texts, made)
        special = frozenset[int]() if tokenizer is None else tokenizer.special_ids
        return TokenIdPrompts(salt, self.vocab_size or (0 if tokenizer is None else tokenizer.vocab_size), special)

    @property
    def _texts(self) -> dict[int, str] | None:
        """Prompts that go out word for word, by their digests."""
        if self.custom is not None:
            return read_prompts(self.custom)
        return None if self.trace is None else read_literal(self.trace)

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
    bad = BadLines(path)
    return TextWords(some(sharegpt.texts(path, bad), bad))


@lru_cache(maxsize=1)
def read_literal(path: Path) -> dict[int, str]:
    """Read the texts that a trace holds word for word, once in a process."""
    return verbatim.texts(path)


@lru_cache(maxsize=1)
def read_prompts(path: Path) -> dict[int, str]:
    """Read the prompts of a file, once in a process."""
    return {digest(prompt.text): prompt.text for prompt in custom.read(path, BadLines(path))}
