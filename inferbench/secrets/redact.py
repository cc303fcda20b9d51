"""Taking secrets out of texts: the one redactor, for command lines and for whatever a server, a tool or a file said.

It knows the secrets that this process holds (`secret_values`), and the shapes in which those of others come: names
that hold secrets, bearer tokens, passwords in URLs, tokens of well-known form. Whoever cuts a text redacts it first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from inferbench.secrets.names import is_secret_name, is_surely_secret
from inferbench.secrets.values import HIDDEN, KNOWN

LOOKED_AT = 16
"""Of a text that is cut, so many times what is kept is looked at: a secret that is cut off there is far behind."""
PROSE = 8
"""After a name and a colon in running text, what is shorter is a word: "unexpected token: bye"."""

_SCHEMES = "(?:Bearer|Basic|Token|Digest|ApiKey|Negotiate)"
_BEGIN = re.compile(rf"(?P<quotes>\\*[\"']?)(?:(?i:{_SCHEMES})\s+(?=\S))?")
_TEXT = r"""(?:(?P<open>\\{1,8}["'])(?:(?!(?P=open))[\s\S])*+|"(?:\\.|[^"\\])*+|'(?:\\.|[^'\\])*+)(?:(?P=open)|["'])?"""
"""A quoted text, whether or not its quotes are escaped; one that was cut has no end."""
_FLAG = re.compile(r"(?<![\w-])(?P<name>--?[A-Za-z][\w.-]*+)(?P<sep>=|(?:\s|\\\n)++(?!-))")
"""An option of a shell before its value."""
_LISTED = re.compile(
    r"""(?<![\w-])(?P<name>--?[A-Za-z][\w.-]*+)(?P<sep>\\{0,8}["']\s*,\s*(?=[\\"'])|["']?\s*\n\s*-\s+)"""
)
"""An option before its value, where both are items of a list in JSON, Python or YAML."""
_VARIABLE = re.compile(r"(?<![\w.-])(?P<name>[A-Z][A-Z0-9_]*+)(?P<sep>=)")
"""A variable of the environment, as a shell sets it."""
_WORD = re.compile(
    rf"""(?:{_TEXT}|[^\s"'\\|;<>\])])(?:[^\s"'\\|;<>\])]|\\[^\n"']|"[^"\s,\\]*+"|'[^'\s,\\]*+')*+""",
)
"""A word of a shell."""
_KEY = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]++)(?P<close>\\{0,8}["'])?(?P<sep>\s*(?:=>?|:)\s*)""")
"""A name before what stands under it: of an environment, a header, a JSON object, a query."""
_VALUE = re.compile(
    rf"""{_TEXT}|\[[^\]]*+\]?|(?:{_SCHEMES}\s+)?[^\s"'&,;<>()\[\]{{}}|\\]++""",
    re.IGNORECASE,
)
_COOKIES = re.compile(r"(?i)(?P<name>\b(?:set-)?cookie)(?P<sep>:\s*)[^\r\n\"'\\]++")
_BEARER = re.compile(r"\b(?P<scheme>(?i:bearer)|Basic)(?P<sep>\s+)(?=\S*\d|\S{24})[A-Za-z0-9+/._~=-]{8,}+")
_IN_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+://|(?i:s3|gs|gcs|abfss?|hdfs|https?):/(?!/))"
    r"(?:[^\s/?#\"'<>]{0,500}|[^\s/@:?#\"'<>\[]{0,200}:(?!\d{1,5}(?:[/?#]|$))[^\s@\"'<>]{0,200})@"
)
"""User and password of a URL, also of one that was taken for a path, which leaves it one slash. The secret key of a
store may hold a slash."""
_SSHPASS = re.compile(r"(?P<tool>\bsshpass\s+-p\s*)\S++")
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*+(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?")
_SHAPES = re.compile(
    r"(?<!\w)(?:hf_[A-Za-z0-9]{16,}+|(?<!-)sk-[\w-]{16,}+|(?:AKIA|ASIA)[A-Z0-9]{12,}+|gh[oprsu]_[A-Za-z0-9]{16,}+"
    r"|github_pat_\w{16,}+|glpat-[\w-]{16,}+|xox[abeoprs]-[\w-]{10,}+|AIza[\w-]{30,}+|nvapi-[\w-]{16,}+|gsk_\w{16,}+"
    r"|eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?)"
)
"""Tokens that tell by their form what they are: of Hugging Face, OpenAI, AWS, GitHub, GitLab, Slack, Google, NVIDIA,
Groq, and JSON Web Tokens."""
_HINTS = (
    "token", "key", "secret", "pass", "pwd", "auth", "cookie", "credential", "sig", "jwt", "bearer", "basic"
)  # fmt: skip
"""A text without any of these has no secret that its name tells: most errors of a server that is overloaded."""
_PLAIN = re.compile(r"(?i)true|false|null|none|-?[\d.]+")


def redact(text: str) -> str:
    """Take all secrets out of a text. It changes nothing where there is none, nor what it has taken out before."""
    return _redact(text, KNOWN.version)


@lru_cache(maxsize=512)
def _redact(text: str, _version: int) -> str:
    text = KNOWN.hide(text)
    if ":/" in text and "@" in text:
        text = _IN_URL.sub(rf"\g<scheme>{HIDDEN}@", text)
    lower = text.lower()
    if any(word in lower for word in _HINTS):
        text = _by_name(text)
    return _SHAPES.sub(HIDDEN, text)


def _by_name(text: str) -> str:
    """Hide what is told to be a secret by what stands before it."""
    text = _KEY_BLOCK.sub(HIDDEN, text)
    text = _SSHPASS.sub(rf"\g<tool>{HIDDEN}", text)
    text = _COOKIES.sub(rf"\g<name>\g<sep>{HIDDEN}", text)
    text = _without_values(text, _LISTED, _VALUE)
    text = _without_values(text, _FLAG, _WORD)
    text = _without_values(text, _VARIABLE, _WORD)
    text = _without_values(text, _KEY, _VALUE)
    return _BEARER.sub(rf"\g<scheme>\g<sep>{HIDDEN}", text)


def _without_values(text: str, names: re.Pattern[str], values: re.Pattern[str]) -> str:
    """Hide what stands behind each name of a secret. What stands behind other names is looked through in its turn."""
    kept, at = [], 0
    for name in names.finditer(text):
        if name.start() >= at and is_secret_name(name["name"]):
            value = values.match(text, name.end())
            if value is not None and not _is_no_secret(name, value[0]):
                kept += [text[at : name.end()], _hidden(value[0])]
                at = value.end()
    return "".join([*kept, text[at:]])


def _is_no_secret(name: re.Match[str], value: str) -> bool:
    """Whether what stands under a name of a secret is none: a number or a word of a sentence, say."""
    if is_surely_secret(name["name"]) or "=" in name["sep"] or ":" not in name["sep"]:
        return False
    quoted = name["close"] or value[0] in "\"'[\\"
    return _PLAIN.fullmatch(value) is not None or (not quoted and len(value) < PROSE)


def _hidden(value: str) -> str:
    """HIDDEN in the quotes or brackets that a value stood in, after the scheme that tells what it was."""
    if value.startswith("["):
        return f'["{HIDDEN}"]'
    begin = _BEGIN.match(value)
    assert begin is not None  # it matches nothing, too
    closed = value.endswith(begin["quotes"]) and len(value) > begin.end()
    return f"{begin[0]}{HIDDEN}{begin['quotes'] if closed else ''}"


def redact_json(data: Any) -> Any:
    """Take secrets out of what a JSON document holds: texts under names of secrets whole, out of others as `redact`."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, Mapping):
        return {key: _under(str(key), value) for key, value in data.items()}
    return [redact_json(value) for value in data] if isinstance(data, list) else data


def _under(name: str, value: Any) -> Any:
    plain = value is None or isinstance(value, (bool, int, float)) or value in ("", [], {})
    return redact_json(value) if plain or not is_secret_name(name) else HIDDEN


def excerpt(text: str | bytes, limit: int) -> str:
    """Make what somebody said fit to be kept: without secrets, printable, in one line of at most `limit` characters."""
    start = text[: LOOKED_AT * limit]
    said = redact(start.decode("utf-8", "replace") if isinstance(start, bytes) else start)
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."
