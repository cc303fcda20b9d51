"""Write the parts of docs/ that commands make: `make docs`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from inferbench.domain.errors import ExitCode

DOCS = Path(__file__).parent
COMMANDS = (
    "", "run", "bench", "report", "compare", "validate", "dashboard", "claims", "audit", "import inferencex",
    "export", "regress", "baseline set", "baseline show", "history", "runs list", "runs show", "runs query",
    "runs verify", "runs gc", "runs push", "runs pull", "tco bill", "tco implied", "size", "selfcheck", "engines",
    "engines start", "probe kv", "twin serve", "twin calibrate", "twin validate", "twin search", "twin ablate",
    "eval gsm8k",
)  # fmt: skip
MEANING = {
    ExitCode.OK: "fine; UNDECIDED and partial reach are answers",
    ExitCode.REGRESSED: "regressed, or answers graded below what was asked for",
    ExitCode.USAGE: "a bad option, a file that cannot be used, or a disk that is full",
    ExitCode.ENDPOINT: "the endpoint is down, refuses, does not serve the model, or has fallen silent",
    ExitCode.INVALID: "the client could not be trusted",
    ExitCode.UNDECIDED: "undecided, where a policy makes that a failure",
    ExitCode.INCOMPARABLE: "two runs were made under different conditions",
    ExitCode.ERROR_RATE: "requests failed: more than `--max-error-rate` allows, or any where it is not given",
    ExitCode.INTERNAL: "a fault in inferbench",
    ExitCode.HUNG_UP: "interrupted by SIGHUP: its terminal is gone",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.TERMINATED: "interrupted by SIGTERM",
}


def command_line() -> str:
    """The help of every command, as it prints itself at 100 columns."""
    parts = ["# The command line\n", "Made by `make docs` from the commands' own help.\n"]
    for command in COMMANDS:
        shown = subprocess.run(
            [sys.executable, "-m", "inferbench", *command.split(), "--help"],
            capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"},
        ).stdout  # fmt: skip
        lines = "\n".join(line.rstrip() for line in shown.strip().splitlines())
        parts.append(f"## inferbench {command}".rstrip() + f"\n\n```text\n{lines}\n```\n")
    parts.append("## Exit codes\n\n| code | meaning |\n|---|---|")
    parts += [f"| {code.value} | {MEANING[code]} |" for code in ExitCode]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (DOCS / "cli.md").write_text(command_line(), encoding="utf-8")
