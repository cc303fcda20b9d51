"""The limit on open files, in a process of its own so that the tests keep theirs."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource
from inferbench.errors import UsageError
from inferbench.loadgen.open_files import need_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 1000))
need_open_files(900)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
try:
    need_open_files(2000)
except UsageError as error:
    print(error)
"""


def test_the_soft_limit_is_raised_and_the_hard_one_is_told():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    raised, refused = done.stdout.splitlines()
    assert raised == "(1000, 1000)"
    assert refused == "2000 streams need 2064 open files, the limit is 1000; raise it with ulimit -n"
