"""What is shown of an exception that nobody caught: where it was raised, without the secrets that its message holds."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType


class _Redacted(logging.Formatter):
    """A formatter of messages alone, as Python has it where nobody sets one."""

    def format(self, record: logging.LogRecord) -> str:
        return _shown(super().format(record))


def show_fault(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    """Print an exception on stderr, as `sys.excepthook` does."""
    print(_shown("".join(traceback.format_exception(error))), end="", file=sys.stderr)


def _shown(text: str) -> str:
    # Only where there is something to show: `inferbench --help` waits for no patterns.
    from inferbench.files.terminal_text import visible
    from inferbench.secrets.redact import redact

    return visible(redact(text))


def watch_stderr() -> None:
    """Let no exception and no log of this process, whoever raises or writes it, show a secret on stderr."""
    sys.excepthook = show_fault
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacted())
    logging.basicConfig(handlers=[handler])
