"""How long it takes until inferbench is there: `python benchmarks/import_time.py`, or `make bench`.

Each is the least CPU time of ROUNDS starts, taken in turns, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import resource
import subprocess
import sys

ROUNDS = 15
MOST_IMPORT_MS = 50.0
"""Longest that `import inferbench` may take beyond an empty start, ms."""
MOST_HELP = 1.3
"""Longest that `inferbench --help` may take, as a multiple of `import typer`."""
STARTS = {
    "python": "pass",
    "import inferbench": "import inferbench",
    "import typer": "import typer",
    "inferbench --help": "import sys; from inferbench.cli import main; sys.argv = ['inferbench', '--help']; main()",
}


def cpu_ms(code: str) -> float:
    """CPU time of a Python that runs `code`, ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def main() -> int:
    """Measure and print; 1 where a bound is not held."""
    rounds = [{name: cpu_ms(code) for name, code in STARTS.items()} for _ in range(ROUNDS)]
    least = {name: min(one[name] for one in rounds) for name in STARTS}
    import_ms = least["import inferbench"] - least["python"]
    of_help = least["inferbench --help"] / least["import typer"]
    for name, ms in least.items():
        print(f"{name:18} {ms:6.0f} ms")
    print(f"import inferbench: {import_ms:.0f} ms beyond an empty start, {import_ms / MOST_IMPORT_MS:.2f} of its bound")
    print(f"inferbench --help: {of_help:.2f} times `import typer`, of at most {MOST_HELP}")
    return int(import_ms > MOST_IMPORT_MS or of_help > MOST_HELP)


if __name__ == "__main__":
    sys.exit(main())
