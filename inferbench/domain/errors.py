"""Errors that a user can act on, and the exit codes that a script can act on."""

from __future__ import annotations

from enum import IntEnum

from .redaction import redact


class ExitCode(IntEnum):
    """Every exit code of the command line, in one place."""

    OK = 0
    REGRESSED = 1
    USAGE = 2
    """A bad option, or a file that cannot be used."""
    ENDPOINT = 3
    """The endpoint is down, refuses, or does not serve the model."""
    INVALID = 4
    """The client could not be trusted during the run."""
    UNDECIDED = 5
    INCOMPARABLE = 6
    ERROR_RATE = 7
    """The run was stopped because too many requests failed."""
    INTERNAL = 70
    INTERRUPTED = 130


class InferbenchError(Exception):
    """An error with a one-line message for a person, without secrets; the command line exits with `exit_code`."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


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
