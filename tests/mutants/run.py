"""Mutation run: change the hot modules in one place at a time, and see whether the tests of their room notice.

mutmut does the work, one group of `modules.toml` at a time, in a working folder of its own: build/mutants/GROUP. What
was found is kept there, so that a run that was stopped goes on where it was; when tests change, survivors are tried
again. mutmut leaves alone what stands outside functions, and functions with a decorator (properties above all).

    python tests/mutants/run.py [GROUP | MODULE ...]   run groups (all without one), then show what was found
    python tests/mutants/run.py --show [GROUP ...]     only show: one line a module, and the survivors as diffs

A MODULE is a path of `modules.toml`; all its mutants are run, those that were killed before, too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GROUPS = tomllib.loads((HERE / "modules.toml").read_text())
EQUIVALENT = HERE / "equivalent.txt"
PYTEST = ["-p", "mutants.quickly", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "--tb=no"]
"""Without the plugin that collects garbage after each run, which takes as long as all else of a quick test."""

NOT_RUN, SURVIVED, NO_TESTS = None, 0, (5, 33)
KINDS = ("killed", "equivalent", "survived", "not run")


class Change(NamedTuple):
    """What a mutant changes: a function of a module, its lines before and after, stripped."""

    function: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"    - {line}" for line in self.before] + [f"    + {line}" for line in self.after]
        return "\n".join([self.function, *lines])


def equivalents() -> dict[Change, str]:
    """Return the mutants that change nothing observable, each with its reason, as listed in `equivalent.txt`."""
    found: dict[Change, str] = {}
    for block in EQUIVALENT.read_text().split("\n\n"):
        lines = [line.strip() for line in block.splitlines() if not line.startswith("#")]
        if lines:
            function, *changes, why = lines
            assert why.startswith("why: "), block
            sides = {sign: tuple(line[2:] for line in changes if line[0] == sign) for sign in "-+"}
            found[Change(function, sides["-"], sides["+"])] = why.removeprefix("why: ")
    return found


def change_of(name: str, path: str) -> Change:
    """Return what a mutant changes. The working folder is a group's."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    function, owner = orig_function_and_class_names_from_key(name)
    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    before, after = (tuple(line[1:].strip() for line in lines if line[:1] == sign) for sign in "-+")
    return Change(f"{path}::{owner + '.' if owner else ''}{function}", before, after)


def folder(group: str) -> Path:
    return ROOT / "build" / "mutants" / group


def prepare(group: str) -> None:
    """Make the group's working folder: the repository by links, and a configuration for mutmut and pytest."""
    place, room = folder(group), GROUPS[group]
    (place / "mutants").mkdir(parents=True, exist_ok=True)  # Python looks once whether a folder on its path is there
    shared = [
        path.name for path in ROOT.iterdir() if path.name[0] != "." and path.name not in ("build", "pyproject.toml")
    ]
    for name in shared:
        if not (place / name).exists():
            (place / name).symlink_to(ROOT / name)
    pytest = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    mutmut = {
        "source_paths": ["inferbench"],
        "only_mutate": room["modules"],
        "also_copy": [name for name in shared if name not in ("inferbench", "tests", "reports", "docs", "findings")],
        "pytest_add_cli_args_test_selection": room["tests"],
        "pytest_add_cli_args": PYTEST,
        "timeout_constant": 5.0,  # a machine with other work is slow now and then, and slow is not killed
        "track_dependencies": False,
        "use_git_change_detection": False,
        "on_dependency_change": "ignore",
    }
    text = _table("tool.mutmut", mutmut) + _table("tool.pytest.ini_options", pytest["ini_options"])
    if not (place / "pyproject.toml").exists() or (place / "pyproject.toml").read_text() != text:
        (place / "pyproject.toml").write_text(text)


def _table(name: str, values: dict[str, object]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""])


def kept(group: str) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Yield each module of a group, where mutmut keeps what became of its mutants, and what stands there.

    Where mutmut was stopped as it wrote that, or writes it now, nothing does.
    """
    for module in GROUPS[group]["modules"]:
        path = folder(group) / "mutants" / f"{module}.meta"
        try:
            meta = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            meta = {"exit_code_by_key": {}}
        yield module, path, meta


def begin_again_where_something_changed(group: str) -> None:
    """Forget survivors, and which test reaches what, where tests are others than last time: mutmut would keep both."""
    tests = sorted(path for path in (ROOT / "tests").rglob("*.py") if path.parent != HERE)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in tests)).hexdigest()
    seen = folder(group) / "tests.sha256"
    if seen.exists() and seen.read_text() == digest:
        return
    (folder(group) / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    for _, path, meta in kept(group):
        codes = meta["exit_code_by_key"]
        meta["exit_code_by_key"] = {k: None if v == SURVIVED or v in NO_TESTS else v for k, v in codes.items()}
        if codes:
            path.write_text(json.dumps(meta))
        elif path.exists():  # cut off as it was written: the module is mutated anew
            path.unlink()
            path.with_suffix("").unlink()
    seen.write_text(digest)


def run(group: str, modules: list[str], children: int) -> int:
    """Run the mutants of a group that have no result yet, or all of some of its modules."""
    prepare(group)
    begin_again_where_something_changed(group)
    command = [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(children)]
    command += [f"{module.removesuffix('.py').replace('/', '.')}.*" for module in modules]
    on_path = os.pathsep.join([str(folder(group) / "mutants"), str(ROOT / "tests")])
    return subprocess.run(command, cwd=folder(group), env=os.environ | {"PYTHONPATH": on_path}).returncode


def show(group: str, known: dict[Change, str], survivors: bool) -> Counter[str]:
    """Print a line a module, and the survivors; returns the totals."""
    totals: Counter[str] = Counter()
    for module, _, meta in kept(group):
        codes = meta["exit_code_by_key"]
        counts: Counter[str] = Counter()
        left = []
        with chdir(folder(group)):
            for name, code in codes.items():
                kind = "not run" if code is NOT_RUN else "killed"
                if code == SURVIVED or code in NO_TESTS:
                    change = change_of(name, module)
                    kind = "equivalent" if change in known else "survived"
                    left += [f"{change}"] if kind == "survived" else []
                counts[kind] += 1
        print(line(module, counts))
        if survivors:
            print("\n".join(left))
        totals += counts
    return totals


def line(what: str, counts: Counter[str]) -> str:
    real = counts["killed"] + counts["survived"]
    share = f"{counts['killed'] / real:6.1%}" if real else "     -"
    return f"{what:48}" + "".join(f"{counts[kind]:8} {kind}" for kind in KINDS) + f"  {share}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group_of = {module: group for group, room in GROUPS.items() for module in room["modules"]}
    known_names = [*GROUPS, *group_of, []]
    parser.add_argument("what", nargs="*", choices=known_names, metavar="GROUP | MODULE", help=", ".join(GROUPS))
    parser.add_argument("--show", action="store_true", help="run nothing, show survivors as diffs")
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="mutants at a time (default: CPUs)")
    args = parser.parse_args()
    chosen: dict[str, list[str]] = {} if args.what else {group: [] for group in GROUPS}
    for name in args.what:
        chosen.setdefault(group_of.get(name, name), []).extend([name] if name in group_of else [])
    failed = [group for group, modules in chosen.items() if not args.show and run(group, modules, args.children)]
    known, totals = equivalents(), Counter[str]()
    for group in chosen:
        totals += show(group, known, args.show)
    print(line("all", totals))
    for group in failed:
        print(f"{group}: mutmut did not get to its end", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
