"""What `inferbench bench` sends: lengths, prompts and data sets, from its options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from inferbench.cli.bench.options import Dataset
from inferbench.errors import UsageError
from inferbench.scenario.scenario import Lengths

if TYPE_CHECKING:
    from inferbench.runs.bench.bench_plan import TraceFile
    from inferbench.workload.prompt_source import PromptSource
    from inferbench.workload.shared_prefixes import SharedPrefix, Turns


class PromptShape(NamedTuple):
    """Lengths and groups of made-up prompts, where the options do not say."""

    isl: int = 1024
    osl: int = 128
    prefix: int = 0
    prefixes: int = 1
    even: bool = False
    """Every group has as many requests as the next, and is not drawn."""


SHAPES = {
    Dataset.RANDOM: PromptShape(),
    Dataset.RANDOM_IDS: PromptShape(),
    Dataset.PREFIX_REPETITION: PromptShape(256, 128, 256, 10, even=True),
    Dataset.GENERATED_SHARED_PREFIX: PromptShape(128, 256, 2048, 64, even=True),
}
"""Made-up prompts, with the defaults of the load generators that named them."""

TIMED_BLOCK, TIMED_UNIT = 16, "s"
"""Tokens of a block and unit of times of a `timed_trace` where nothing is said."""

OSL_OF_CUSTOM = 256
"""Tokens asked for with each prompt of a file, as `vllm bench serve --custom-output-len` has it."""


@dataclass(frozen=True)
class DataOptions:
    """The options about prompts; None where one was not given. Raises UsageError for what does not go together."""

    name: Dataset
    path: Path | None
    tokenizer: Path | None
    vocab_size: int | None
    isl: int | None
    osl: int | None
    range_ratio: str
    prefix: int | None
    prefixes: int | None
    num_turns: int
    think_s: float
    speed_up: float
    block_size: int | None
    time_unit: str | None
    strict: bool
    shuffle: bool

    def __post_init__(self) -> None:
        made_up = self.name in SHAPES
        if made_up != (self.path is None):
            what = "has no file; leave out --dataset-path" if made_up else "needs --dataset-path"
            raise UsageError(f"--dataset-name {self.name.value} {what}")
        if self.osl is not None and self.osl < 1 and not (self.osl == -1 and self.name is Dataset.CUSTOM):
            raise UsageError(
                f"--osl {self.osl} must be at least 1, or with --dataset-name custom -1 for the file's own"
            )
        if self.num_turns > 1 and self.name is Dataset.CUSTOM:
            raise UsageError("prompts of --dataset-name custom stand alone; leave out --num-turns")
        useless = {"--trace-block-size": self.block_size, "--trace-time-unit": self.time_unit}
        if made_up and (given := [name for name, value in useless.items() if value is not None]):
            raise UsageError(f"{given[0]} is for a trace; --dataset-name {self.name.value} is none")

    @property
    def _shape(self) -> PromptShape:
        return SHAPES.get(self.name, PromptShape())

    @property
    def lengths(self) -> tuple[Lengths, Lengths]:
        """Prompt and output lengths of made-up prompts."""
        from inferbench.workload.lengths import around

        shape, ratios = self._shape, _ratios(self.range_ratio)
        isl, osl = self.isl or shape.isl, self.osl if self.osl and self.osl > 0 else shape.osl
        return around(isl, ratios[0]), around(osl, ratios[1])

    @property
    def prompts(self) -> PromptSource:
        """Where the text of prompts comes from."""
        from inferbench.workload.prompt_source import PromptSource

        return PromptSource(
            tokenizer=self.tokenizer,
            sharegpt=self.path if self.name is Dataset.SHAREGPT else None,
            custom=self.path if self.name is Dataset.CUSTOM else None,
            trace=self.path if self.name is Dataset.MOONCAKE else None,
            token_ids=self.name is Dataset.RANDOM_IDS,
            vocab_size=self.vocab_size,
        )

    @property
    def shared(self) -> SharedPrefix | None:
        """What prompts share; None for nothing."""
        from inferbench.workload.shared_prefixes import SharedPrefix

        shape = self._shape
        tokens = shape.prefix if self.prefix is None else self.prefix
        return SharedPrefix(tokens, self.prefixes or shape.prefixes, shape.even) if tokens else None

    @property
    def turns(self) -> Turns | None:
        """Sessions of made-up text; None where each request stands alone or a trace has sessions of its own."""
        from inferbench.workload.shared_prefixes import Turns

        return Turns(self.num_turns, self.think_s) if self.name in SHAPES and self.num_turns > 1 else None

    @property
    def trace(self) -> TraceFile | None:
        """The file to replay; None where lengths are drawn. Conversations are replayed whole with several turns."""
        from inferbench.runs.bench.bench_plan import TraceFile

        if self.path is None:
            return None
        osl = self.osl if self.name in (Dataset.CUSTOM, Dataset.SHAREGPT) else None
        if self.name is Dataset.CUSTOM:
            osl = None if osl == -1 else osl or OSL_OF_CUSTOM
        timed = self.name is Dataset.TIMED_TRACE  # Mooncake's keys
        return TraceFile(
            Dataset.MOONCAKE.value if timed else self.name.value,
            self.path,
            self.speed_up,
            self.strict,
            sessions=self.num_turns > 1,
            think_s=self.think_s,
            shuffle=self.shuffle,
            osl=osl,
            block_size=self.block_size or (TIMED_BLOCK if timed else None),
            time_unit=self.time_unit or (TIMED_UNIT if timed else None),
        )

    def self_timed(self, asked: bool | None, by_rate: bool) -> bool | None:
        """Whether the file's times count: as asked; always with a timed trace; None: as `BenchLoad` has it."""
        if asked is not None or self.name is Dataset.TIMED_TRACE:
            return asked is not False
        return False if by_rate else None

    def ignore_eos(self, asked: bool | None, everywhere: bool) -> bool:
        """Whether answers go on to their planned length: as asked, or as the load generators named here have it.

        They do with made-up prompts and with traces of lengths alone, and not where texts end as they end;
        `everywhere` is SGLang's rule.
        """
        ends = (Dataset.PREFIX_REPETITION, Dataset.CUSTOM, Dataset.SHAREGPT, Dataset.BURSTGPT)
        return asked if asked is not None else everywhere or self.name not in ends


def _ratios(text: str) -> tuple[float, float]:
    """Range ratios of prompts and outputs. Raises UsageError where one is not in [0, 1)."""
    try:
        value = orjson.loads(text) if text.lstrip().startswith("{") else text
        both = (value["input"], value["output"]) if isinstance(value, dict) else (value, value)
        isl, osl = (float(ratio) for ratio in both)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise UsageError(
            f'--random-range-ratio {text!r} is neither a number nor JSON such as \'{{"input": 0.3, "output": 0.5}}\''
        ) from None
    if not (0 <= isl < 1 and 0 <= osl < 1):
        raise UsageError(f"--random-range-ratio {text} must be at least 0 and below 1")
    return isl, osl
