"""Printing what came out of files and from servers: it says what it says, and steers no terminal."""

from __future__ import annotations

import sys

from inferbench.files.terminal_text import one_visible_line, visible_json


def line(text: object, *, error: bool = False) -> None:
    """Print one line, on stderr where it is about an error."""
    print(one_visible_line(str(text)), file=sys.stderr if error else sys.stdout, flush=True)


def put(content: bytes) -> None:
    """Print a file for machines as it is; on a terminal with escapes, as JSON has them, for what could steer it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(visible_json(content) if sys.stdout.isatty() else content)
    sys.stdout.buffer.flush()
