"""Text of a person's file that becomes a name, a path or a word of a command: what each may be made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

LONGEST = 10_000
"""Characters of a text."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
"""Names that are devices on Windows, whatever follows a dot: a run that is copied there must keep its name."""
READ_ONLY = {"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"}
"""Variables that bash lets nobody set."""


def shaped(pattern: str, meaning: str) -> AfterValidator:
    """Hold text to a pattern; the error says what is meant by it."""
    compiled = re.compile(rf"(?:{pattern})\Z")

    def check(text: str) -> str:
        if not compiled.match(text):
            raise ValueError(f"{text[:60]!r} is not {meaning}")
        return text

    return AfterValidator(check)


def _no_device(name: str) -> str:
    if name.partition(".")[0] in RESERVED:
        raise ValueError(f"{name!r} names a device on Windows, where a folder cannot be called so")
    return name


def _settable(name: str) -> str:
    if name in READ_ONLY:
        raise ValueError(f"{name} cannot be set: bash keeps it read-only")
    return name


def repeated(values: Iterable[object]) -> list[str]:
    """Return what is there more than once, in words and in order."""
    return [str(value) for value, n in Counter(values).items() if n > 1]


def _once(values: tuple[object, ...]) -> tuple[object, ...]:
    if twice := repeated(values):
        raise ValueError(f"{twice[0]} is given twice")
    return values


ONCE = AfterValidator(_once)
"""Of a list: everything in it is there once."""
Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80),
    shaped(r".*[^.]", "a name: it ends in a dot"),
    AfterValidator(_no_device),
]
"""A name that is also a safe directory name."""
Label = Annotated[
    str, shaped(r"\S(?:[^\n\t]{0,118}\S)?", "a name: one line of 1 to 120 characters, no space around it")
]
"""A name that people read, and by which other keys may refer to what it names."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), shaped(r"(?s:.*\S.*)", "text")]
"""Words for people: not empty, since a figure without a source is none."""
Line = Annotated[str, shaped(r"[^\x00-\x1f\x7f]{0,10000}", "one line without control characters")]
"""What may stand after a flag or in a variable."""
FlagName = Annotated[str, shaped(r"--?[A-Za-z0-9][A-Za-z0-9._-]*", "a flag such as --port")]
VariableName = Annotated[
    str,
    shaped(r"[A-Za-z_][A-Za-z0-9_]*", "a name of a variable: letters, digits and _, and no digit first"),
    AfterValidator(_settable),
]
Version = Annotated[str, shaped(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}", "a version such as 0.5.12.post1")]
Image = Annotated[
    str,
    shaped(
        r"[A-Za-z0-9][A-Za-z0-9._-]*(?::\d{1,5})?(?:[/#][A-Za-z0-9][A-Za-z0-9._-]*)*(?::\w[\w.-]{0,127})?"
        r"(?:@sha256:[0-9a-f]{64})?",
        "a container image such as registry:5000/name:tag",
    ),
    Field(max_length=500),
]
"""As Docker writes references; enroot puts # after the registry."""
Checkpoint = Annotated[str, shaped(r"[^\x00-\x1f\x7f\s-][^\x00-\x1f\x7f]{0,1000}", "a path or a hub name in one line")]
"""Not one that starts with a hyphen, which a program would take for a flag."""
Device = Annotated[str, shaped(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", "a device such as mlx5_0")]
Interface = Annotated[
    str,
    shaped(r"[\^=]?[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}(?:,[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63})*", "a network interface"),
]
"""As NCCL reads them: several with commas between, = for exactly these, ^ for all but these."""
_PART = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
Resource = Annotated[
    str,
    shaped(
        rf"{_PART}(?:\.{_PART}){{0,3}}/[A-Za-z0-9](?:[A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?",
        "a resource of Kubernetes such as rdma/hca_shared_devices_a",
    ),
]
"""An extended resource: a domain, a slash, a name."""
ProcessName = Annotated[str, shaped(_PART, "a name of a process: a-z, 0-9 and hyphens")]
FileName = Annotated[str, shaped(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}", "a name of a file")]
