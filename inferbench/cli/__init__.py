"""The command line: it parses, calls the API, and prints."""

from __future__ import annotations

import os
import sys

from ..api.faults import show_fault, watch_stderr
from ..domain.errors import ExitCode, InferbenchError
from ..domain.redaction import redact
from ..domain.visible import one_visible_line


def main() -> None:
    """Run the command line and exit with a code of `ExitCode`."""
    # Nothing here multiplies large matrices, and each idle BLAS thread costs CPU time that a load is measured by.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    watch_stderr()
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command and return its exit code. Errors are one line on stderr."""
    from typer.exceptions import Abort, Exit, TyperException

    from .app import build

    try:
        arguments = arguments or ["--help"]
        code = build(arguments[0])(arguments, prog_name="inferbench", standalone_mode=False)
        return int(code or ExitCode.OK)
    except InferbenchError as error:
        print(f"inferbench: {one_visible_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except Exit as stop:
        return stop.exit_code
    except TyperException as error:
        message = redact(" ".join(error.format_message().split()))
        print(f"inferbench: {one_visible_line(message)}", file=sys.stderr)
        return ExitCode.USAGE
    except (KeyboardInterrupt, Abort):
        print("inferbench: interrupted; what had been measured is kept and marked partial", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        sys.stderr.close()
        return ExitCode.OK
    except Exception as error:
        show_fault(type(error), error, error.__traceback__)
        print("inferbench: this is a fault in inferbench; please report it with the lines above", file=sys.stderr)
        return ExitCode.INTERNAL
