"""Reading InferenceX's master configurations: what it sweeps, entry by entry, as its own validation names the keys."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from inferbench.errors import FileError
from inferbench.files.spelling import unknown
from inferbench.files.yaml_values import describe, read_yaml

FIXED = "fixed-seq-len"


class _Keys(BaseModel):
    """Keys are spelt with hyphens; one that is not known is refused, since leaving it out would change the sweep."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        protected_namespaces=(),
    )


class Router(_Keys):
    """What stands in front of the workers."""

    name: str
    version: str


class MasterWorkers(_Keys):
    """Workers of one role, or those of an aggregated server."""

    num_worker: int = 1
    tp: PositiveInt
    ep: PositiveInt = 1
    dp_attn: bool = False
    pp: PositiveInt = 1
    additional_settings: tuple[str, ...] = ()
    """`NAME=value`, handed to the launch script."""

    @property
    def gpus(self) -> int:
        """GPUs of one worker: experts over more GPUs than TP are written as such."""
        return max(self.tp, self.ep) * self.pp


class MasterRow(_Keys):
    """One topology with the concurrencies that it is run at: a row of a search space."""

    tp: PositiveInt | None = None
    ep: PositiveInt = 1
    dp_attn: bool = False
    pp: PositiveInt = 1
    spec_decoding: Literal["none", "mtp", "draft_model"] = "none"
    conc_start: PositiveInt | None = None
    conc_end: PositiveInt | None = None
    conc_list: tuple[PositiveInt, ...] = ()
    prefill: MasterWorkers | None = None
    decode: MasterWorkers | None = None

    @property
    def workers(self) -> MasterWorkers:
        """The workers that decode: those of the role, or of the aggregated server."""
        if self.decode is not None:
            return self.decode
        if self.tp is None:
            raise ValueError("a row needs tp, or prefill and decode")
        return MasterWorkers(tp=self.tp, ep=self.ep, dp_attn=self.dp_attn, pp=self.pp)

    @property
    def concurrencies(self) -> tuple[int, ...]:
        """Those listed, or from start to end by doubling, with the end in any case."""
        if self.conc_list:
            return tuple(sorted(set(self.conc_list)))
        if self.conc_start is None or self.conc_end is None or self.conc_start > self.conc_end:
            raise ValueError("a row needs conc-list, or conc-start and a conc-end that is not below it")
        found = [self.conc_start]
        while found[-1] < self.conc_end:
            found.append(min(2 * found[-1], self.conc_end))
        return tuple(found)

    @property
    def mtp(self) -> int | None:
        """Draft depth; 0 without speculation, None where the row does not say it.

        AMD's rows say `DECODE_MTP_SIZE=3`; NVIDIA's name a recipe, whose name ends in `_mtp3`.
        """
        if self.spec_decoding == "none":
            return 0
        said = self._setting("DECODE_MTP_SIZE")
        if said is not None:
            return int(said)
        named = re.search(r"_mtp(\d+)(?:_\d+)?(?:\.ya?ml)?$", self._setting("CONFIG_FILE") or "")
        return int(named[1]) if named else None

    @property
    def batch(self) -> int | None:
        """Requests that one rank of a decode worker runs at once, where the name of its recipe says it."""
        named = re.search(r"_batch(\d+)_", self._setting("CONFIG_FILE") or "")
        return int(named[1]) if named else None

    def _setting(self, name: str) -> str | None:
        groups = [group.additional_settings for group in (self.prefill, self.decode) if group is not None]
        found = [text.partition("=")[2] for group in groups for text in group if text.partition("=")[0] == name]
        return found[-1] if found else None


class MasterShape(_Keys):
    """Prompt and output lengths, and the rows that are run with them."""

    isl: PositiveInt
    osl: PositiveInt
    search_space: tuple[MasterRow, ...] = Field(min_length=1)


class MasterEntry(_Keys):
    """One entry: a model on a kind of GPU with an engine, and what is swept."""

    image: str
    model: str
    model_prefix: str
    runner: str
    precision: str
    framework: str
    router: Router | None = None
    kv_p2p_transfer: str | None = None
    multinode: bool
    disagg: bool = False
    scenarios: dict[str, Any]

    @property
    def image_date(self) -> datetime.date | None:
        """The day in the image's name, if there is one."""
        found = re.search(r"(20\d{2})(\d{2})(\d{2})(?!\d)", self.image)
        try:
            return datetime.date(*map(int, found.groups())) if found else None
        except ValueError:
            return None

    @property
    def engine_version(self) -> str | None:
        """The engine's version in the image's tag, if there is one."""
        found = re.search(r"(?:v|sglang-|:)(\d+\.\d+\.\d+(?:\.post\d+)?)", self.image)
        return found[1] if found else None


def read_master(path: Path) -> Mapping[str, Any]:
    """Read a file of entries by name, as yet unchecked. Raises FileError where it is no such file."""
    data = read_yaml(path)
    if not isinstance(data, dict) or not all(isinstance(entry, dict) and "image" in entry for entry in data.values()):
        raise FileError(f"{path}: no master configuration: its entries must be mappings with an image")
    return {str(name): entry for name, entry in data.items()}


def read_entry(entries: Mapping[str, Any], name: str, path: Path) -> MasterEntry:
    """Check one entry. Raises FileError where it is not there or has a key or value that is not known."""
    if name not in entries:
        raise FileError(f"{path}: {unknown('entry', name, entries)}")
    try:
        return MasterEntry.model_validate(entries[name])
    except ValidationError as error:
        raise FileError(f"{path}: {name}: {describe(error, MasterEntry)}") from None


def shapes(entry: MasterEntry) -> tuple[MasterShape, ...]:
    """The shapes of fixed lengths. Raises ValueError where there are none or one has a key that is not known."""
    listed = entry.scenarios.get(FIXED)
    if not listed:
        raise ValueError(f"it replays {', '.join(entry.scenarios)} traces; a scenario's load has lengths, not traces")
    if not isinstance(listed, list):
        raise ValueError(f"scenarios.{FIXED} must be a list of shapes, not {type(listed).__name__}")
    try:
        return tuple(MasterShape.model_validate(shape) for shape in listed)
    except ValidationError as error:
        raise ValueError(describe(error, MasterShape)) from None
