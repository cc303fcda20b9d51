"""The flags of other load generators that are known here, against the parsers of the installed ones."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from started import environment, version

from inferbench.cli.app import load
from inferbench.cli.bench.options import Dataset
from inferbench.cli.bench.other_clients import own_options
from inferbench.cli.dropin import vllm
from inferbench.cli.dropin.flag import MANY, FlagKind
from inferbench.cli.dropin.names import BACKENDS, REFUSED_BACKENDS, REFUSED_DATASETS

pytestmark = pytest.mark.real

LIST_FLAGS = """
import json
from vllm.benchmarks.serve import add_cli_args
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = FlexibleArgumentParser(add_help=False)
add_cli_args(parser)
print(json.dumps([[a.option_strings, a.nargs, sorted(a.choices or [])] for a in parser._actions]))
"""


@pytest.fixture(scope="module")
def flags() -> dict[str, tuple[Any, list[str]]]:
    """Words and choices of each flag of `vllm bench serve`."""
    python = environment("vllm") / "python"
    listed = subprocess.run([python, "-c", LIST_FLAGS], check=True, capture_output=True, text=True).stdout
    found = json.loads(listed.splitlines()[-1])
    return {name: (nargs, choices) for names, nargs, choices in found for name in names}


def test_every_flag_of_vllms_parser_is_known_with_its_words(flags: dict[str, tuple[Any, list[str]]]) -> None:
    known = {flag.name: flag for flag in vllm.FLAGS}
    own = own_options(load("bench"))
    names = {name for name in flags if not name.startswith("--no-self-timed")}
    assert names <= set(known)
    if _number(version("vllm", "vLLM")) >= _number(vllm.VERSION):
        assert names == set(known)
    for name in names:
        takes = {0: 0, None: 1, "*": MANY, "+": MANY}[flags[name][0]]
        flag = known[name]
        # Where one word is taken there, several may be here.
        assert (own[name] if flag.kind is FlagKind.OWN else flag.values) in (takes, MANY if takes else takes), name


def test_every_backend_and_data_set_of_vllm_is_taken_or_refused_by_name(
    flags: dict[str, tuple[Any, list[str]]],
) -> None:
    assert set(flags["--backend"][1]) <= {*BACKENDS, *REFUSED_BACKENDS}
    assert set(flags["--dataset-name"][1]) <= {*Dataset, *REFUSED_DATASETS}


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("+")[0].split(".")[:2])
