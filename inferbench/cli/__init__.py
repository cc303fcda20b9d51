"""The command line: it parses, calls the API, and prints."""

from __future__ import annotations

import errno
import os
import sys

from inferbench.errors import ExitCode, InferbenchError, Interruption
from inferbench.files.tracebacks import show_fault, watch_stderr

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What the system says where nothing can be written any more, whichever file it was: a person can do something."""

NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM)
"""What it says of a path that somebody gave and that it will not even look at."""
NAMED = 200
"""Characters of such a path that are shown."""


def main() -> None:
    """Run the command line and exit with a code of `ExitCode`."""
    from inferbench.loadgen.stop_signals import heed_signals

    # Nothing here multiplies large matrices, and each idle BLAS thread costs CPU time that a load is measured by.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    heed_signals()
    watch_stderr()
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command and return its exit code. Errors are one line on stderr."""
    from typer.exceptions import Abort, Exit, TyperException

    from inferbench.cli.app import build

    try:
        arguments = arguments or ["--help"]
        # Not by the command's own `main`, which turns Ctrl-C into an exit code and drops what there is to say of it.
        command = build()
        with command.make_context("inferbench", arguments) as context:
            return int(command.invoke(context) or ExitCode.OK)
    except InferbenchError as error:
        _say(str(error))
        return error.exit_code
    except Exit as stop:
        return stop.exit_code
    except TyperException as error:
        from inferbench.secrets.redact import redact

        _say(redact(" ".join(error.format_message().split())))
        return ExitCode.USAGE
    except (KeyboardInterrupt, Abort) as error:
        stopped = Interruption.of(error) if isinstance(error, KeyboardInterrupt) else Interruption()
        print(f"inferbench: {stopped.reason}{f'; {stopped.kept}' if stopped.kept else ''}", file=sys.stderr)
        return stopped.exit_code
    except BrokenPipeError:  # whoever read our output has gone
        sys.stderr.close()
        return ExitCode.OK
    except OSError as error:
        what = "written" if error.errno in NO_ROOM else "used" if error.errno in NO_NAME else None
        if what is None:
            return _fault(error)
        from inferbench.secrets.redact import excerpt

        named = f"{excerpt(str(error.filename), NAMED)}: " if error.filename else ""
        print(f"inferbench: {named}cannot be {what}: {error.strerror}", file=sys.stderr)
        return ExitCode.USAGE
    except Exception as error:
        return _fault(error)


def _say(message: str) -> None:
    from inferbench.files.terminal_text import one_visible_line

    print(f"inferbench: {one_visible_line(message)}", file=sys.stderr)


def _fault(error: Exception) -> ExitCode:
    show_fault(type(error), error, error.__traceback__)
    print("inferbench: this is a fault in inferbench; please report it with the lines above", file=sys.stderr)
    return ExitCode.INTERNAL
