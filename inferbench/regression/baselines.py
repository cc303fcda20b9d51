"""Named baselines of a store: a name, and the runs that it stands for, in one small file each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from inferbench.errors import StoreError, UsageError
from inferbench.files.number_limits import UnixTime
from inferbench.files.untrusted_files import need_directory, read_document
from inferbench.files.whole_files import write_whole
from inferbench.secrets.redact import excerpt, redact
from inferbench.values import Value

BASELINES = ".baselines"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class NamedBaseline(Value):
    """What candidates are held against until somebody sets it anew."""

    name: str
    runs: tuple[str, ...] = Field(min_length=1)
    """Run directories: relative to the store where they lie in it, else paths or URLs."""
    set_unix: UnixTime


def write_baseline(store: Path, baseline: NamedBaseline) -> Path:
    """Set a baseline, in place of the last one of that name. Raises UsageError for a name that no file can have."""
    if not NAME.fullmatch(baseline.name):
        raise UsageError(f"baseline {baseline.name!r}: use letters, digits, '.', '_' and '-', a letter or digit first")
    if any(redact(run) != run for run in baseline.runs):
        raise UsageError(
            f"baseline {baseline.name!r} would keep the keys in its runs' URLs: give them in the environment instead"
        )
    need_directory(store)
    path = store / BASELINES / f"{baseline.name}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: cannot be made: {error.strerror}") from None
    write_whole(path, (baseline.model_dump_json(indent=2) + "\n").encode())
    return path


def read_baselines(store: Path) -> dict[str, NamedBaseline]:
    """All baselines of a store by name. Raises StoreError for a damaged file."""
    found = {}
    for path in sorted((store / BASELINES).glob("*.json")):
        try:
            baseline = NamedBaseline.model_validate_json(read_document(path.parent, path.name))
        except ValidationError as error:
            raise StoreError(f"{path}: damaged: {excerpt(str(error), 160)}") from None
        found[baseline.name] = baseline
    return found


def relative_to_store(store: Path, runs: Sequence[str]) -> tuple[str, ...]:
    """Places of runs as a baseline names them: those in the store relative to it, so that it can be moved."""
    root = store.resolve()
    return tuple(
        Path(run).relative_to(root).as_posix() if "://" not in run and Path(run).is_relative_to(root) else run
        for run in runs
    )
