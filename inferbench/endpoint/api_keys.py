"""Where an API key comes from: the environment or a file, and never a command line, which others can read."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from inferbench.errors import UsageError


def api_key_from(env: str | None = None, file: Path | None = None) -> SecretStr | None:
    """Return the key in a file, or else in an environment variable; None where neither is named, or it is not set.

    White space around a key is no part of it. Raises UsageError for a file that cannot be read or holds nothing, for
    a variable that is set to nothing, and for a key that no header can carry; no message shows the key.
    """
    if file is not None:
        try:
            return _usable(file.read_text(encoding="utf-8"), f"API key file {file}")
        except OSError as error:
            raise UsageError(f"API key file {file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"API key file {file} is not text") from None
    if env is None or env not in os.environ:
        return None
    return _usable(os.environ[env], f"environment variable {env}")


def _usable(text: str, where: str) -> SecretStr:
    key = text.strip()
    if not key:
        raise UsageError(f"{where} holds no API key: it is empty")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"{where} holds no API key: it has white space, or characters that are not ASCII")
    return SecretStr(key)
