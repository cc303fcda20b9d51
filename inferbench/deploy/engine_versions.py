"""Which flags and environment variables each version of an engine knows, as derived from its own source."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from inferbench.errors import UsageError
from inferbench.files.spelling import nearest
from inferbench.files.yaml_values import read_value
from inferbench.scenario.launch import FlagValue
from inferbench.values import Value

FOLDER = Path(__file__).with_name("versions")
NEGATED = "--no-"
"""What argparse puts before a switch to turn it off."""


class EngineVersion(Value):
    """One version of one engine. tests/deploy/derive_flags.py makes the file from the engine's wheel."""

    engine: str
    version: str
    source: str
    as_of: datetime.date
    flags: dict[str, tuple[str, ...] | None]
    """Flags with their choices; None: any value."""
    environment: tuple[str, ...] = ()
    """Variables that its source names, of those that a launch sets."""

    def knows(self, flag: str) -> bool:
        """Whether it has a flag."""
        return flag in self.flags or flag.replace(NEGATED, "--", 1) in self.flags

    def spelling(self, *spellings: str) -> str:
        """Return the first spelling that it knows, newest first. Raises UsageError where it knows none."""
        for flag in spellings:
            if self.knows(flag):
                return flag
        raise UsageError(self._unknown(spellings[-1]))

    def check(self, flags: Mapping[str, FlagValue], of: str) -> None:
        """Raise UsageError for the first flag, or choice of a flag, that it does not have. `of`: whose flags."""
        for flag, value in flags.items():
            if not self.knows(flag):
                raise UsageError(f"{of}: {self._unknown(flag)}")
            choices = self.flags.get(flag)
            words = value if isinstance(value, tuple) else (value,)
            wrong = [word for word in words if choices and isinstance(word, str) and word not in choices]
            if wrong and choices:
                raise UsageError(
                    f"{of}: {self.engine} {self.version} has no choice {wrong[0]!r} for {flag}; "
                    f"use one of {', '.join(choices)}"
                )

    def check_environment(self, names: Mapping[str, str], prefix: str, of: str) -> None:
        """Raise UsageError for the first variable with that prefix that its source does not name."""
        for name in names:
            if name.startswith(prefix) and name not in self.environment:
                raise UsageError(f"{of}: {self.engine} {self.version} does not read {name}{self._elsewhere(name)}")

    def _unknown(self, flag: str) -> str:
        guess = nearest(flag, self.flags)
        hint = f"; did you mean {guess}?" if guess else ""
        return f"{self.engine} {self.version} has no flag {flag}{hint}{self._elsewhere(flag)}"

    def _elsewhere(self, name: str) -> str:
        others = [known.version for known in versions(self.engine) if known.knows(name) or name in known.environment]
        return f" (known to {', '.join(others)})" if others else ""


def versions(engine: str) -> tuple[EngineVersion, ...]:
    """All versions of an engine that are known here, oldest first."""
    return tuple(version(engine, name) for name in _names(engine))


@cache
def version(engine: str, name: str) -> EngineVersion:
    """Return what is known of a version. Raises UsageError in one line for one never seen."""
    known = _names(engine)
    if name not in known:
        raise UsageError(
            f"{engine} {name}: a version whose flags are not known here; known: {', '.join(known)} "
            "(docs/deploy.md says how to add one)"
        )
    return read_value(FOLDER / f"{engine}-{name}.yaml", EngineVersion)


def _names(engine: str) -> list[str]:
    """By the names of the files: `sglang-0.5.23` is one of sglang, `sglang-router-0.3.2` is not."""
    names = (path.stem.removeprefix(f"{engine}-") for path in FOLDER.glob(f"{engine}-*.yaml"))
    return sorted((name for name in names if name[0].isdigit()), key=order)


def order(name: str) -> tuple[tuple[int, ...], int]:
    """A key that sorts versions such as 0.5.9 before 0.5.10, and 0.5.10 before 0.5.10.post1."""
    numbers, _, post = name.partition(".post")
    return tuple(int(part) for part in numbers.split(".")), int(post or 0)
