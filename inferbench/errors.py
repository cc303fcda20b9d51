"""Errors that a user can act on, and the exit codes that a script can act on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from enum import IntEnum
from typing import Self

LONGEST_REASON = 400
"""Characters that are kept of an exception of a library."""


class ExitCode(IntEnum):
    """Every exit code of the command line, in one place."""

    OK = 0
    REGRESSED = 1
    USAGE = 2
    """A bad option, a file that cannot be used, or a disk that is full."""
    ENDPOINT = 3
    """The endpoint is down, refuses, does not serve the model, or has fallen silent."""
    INVALID = 4
    """The client could not be trusted during the run."""
    UNDECIDED = 5
    INCOMPARABLE = 6
    ERROR_RATE = 7
    """Requests failed: so many that the run was stopped, or, at its end, more than were allowed to."""
    INTERNAL = 70
    HUNG_UP = 129
    """Ended by SIGHUP: its terminal is gone. This and the next two are 128 + the signal's number, as in a shell."""
    INTERRUPTED = 130
    """Ended by Ctrl-C (SIGINT)."""
    TERMINATED = 143
    """Ended by SIGTERM, as `docker stop`, `timeout` and batch queues send it."""


class FieldName(str):
    """Name of a parameter in the text of an error, as the Python API has it: `num_prompts`, or `trace.block_size`."""

    __slots__ = ()


class InferbenchError(Exception):
    """An error with a one-line message for a person, without secrets; the command line exits with `exit_code`.

    The message is the `parts` put together. Those of class `FieldName` name the parameters that it is about, and the
    command line puts its flags in their places: `UsageError(FieldName("num_prompts"), " 0 must be at least 1")`.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(self, *parts: str) -> None:
        self.parts = tuple(part if isinstance(part, FieldName) else _redacted(part) for part in parts)
        super().__init__(self.told(str))

    @property
    def fields(self) -> tuple[str, ...]:
        """The parameters that it is about, in the order of the text."""
        return tuple(str(part) for part in self.parts if isinstance(part, FieldName))

    def told(self, name: Callable[[str], str]) -> str:
        """The message, with each parameter under the name that `name` gives it."""
        return _redacted("".join(name(str(part)) if isinstance(part, FieldName) else part for part in self.parts))


def _redacted(text: str) -> str:
    from inferbench.secrets.redact import redact  # its patterns take longer to compile than `inferbench --help` has

    return redact(text)


def reason_of(error: BaseException) -> str:
    """Why something ended, as manifests have it: one line of bounded length, without secrets."""
    if isinstance(error, KeyboardInterrupt):
        return Interruption.of(error).reason
    if isinstance(error, InferbenchError):
        return str(error)
    from inferbench.secrets.redact import excerpt

    name = type(error).__name__
    return excerpt(f"{name}: {error}" if str(error) else name, LONGEST_REASON)


class Interruption(KeyboardInterrupt):
    """Somebody asked us to end, with Ctrl-C or a signal: no error. `kept` says what there is of what was done."""

    def __init__(self, number: int = signal.SIGINT, kept: str | None = None) -> None:
        self.number = signal.Signals(number)
        self.kept = kept
        super().__init__(self.reason)

    @property
    def reason(self) -> str:
        """Why something stopped, as manifests have it."""
        return "interrupted" if self.number is signal.SIGINT else f"interrupted by {self.number.name}"

    @property
    def exit_code(self) -> ExitCode:
        """What a shell makes of such an end."""
        return ExitCode(128 + self.number)

    @classmethod
    def of(cls, error: KeyboardInterrupt) -> Interruption:
        """What Python raises at Ctrl-C, as one of these."""
        return error if isinstance(error, Interruption) else cls()

    @classmethod
    def from_reason(cls, reason: str | None) -> Self | None:
        """The interruption that a reason names; None for any other reason."""
        found = (cls(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        return next((one for one in found if one.reason == reason), None)


class FileError(InferbenchError):
    """A file cannot be used: the message names the file, the key path, and what is allowed there."""

    exit_code = ExitCode.USAGE


class UsageError(InferbenchError):
    """An option or a combination of options cannot be used."""

    exit_code = ExitCode.USAGE


class EndpointError(InferbenchError):
    """An endpoint is down, refuses the connection, or does not serve the model that was asked for."""

    exit_code = ExitCode.ENDPOINT


class StoppedError(InferbenchError):
    """A load was stopped before its end, and not by the user."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.ERROR_RATE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class IncomparableError(InferbenchError):
    """Two results were made under different conditions; the message names the keys that differ."""

    exit_code = ExitCode.INCOMPARABLE


class StoreError(InferbenchError):
    """The store cannot be written, or a file in it cannot be read."""

    exit_code = ExitCode.USAGE
