"""What `inferbench bench` sends: lengths, prompts and data sets, from its options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import orjson
from typer import Option

from inferbench.cli.bench.options import Dataset, TimeUnit
from inferbench.cli.options import shared as options
from inferbench.cli.options.flags import Fills
from inferbench.errors import FieldName, UsageError
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
    """Lengths, prompts and data sets. Raises UsageError for what does not go together."""

    isl: Annotated[
        int | None, Option("--isl", "--random-input-len", min=1, help="Prompt tokens.", show_default="1024")
    ] = None
    osl: Annotated[
        int | None,
        Option("--osl", "--random-output-len", min=-1, help="Tokens to generate.", show_default="128"),
        Fills("trace.osl", "--custom-output-len"),
    ] = None
    random_range_ratio: Annotated[
        str, Option("--random-range-ratio", metavar="R", help="r: lengths are uniform over L(1-r)..L(1+r).")
    ] = "0"
    dataset_name: Annotated[
        Dataset,
        Option(metavar="NAME", help=f"Made-up prompts, or what lies at --dataset-path: {', '.join(Dataset)}."),
        Fills("trace.kind"),
    ] = Dataset.RANDOM
    dataset_path: Annotated[Path | None, Option(help="Its file.")] = None
    disable_shuffle: Annotated[bool, Option("--disable-shuffle", help="Take a data set in its own order.")] = False
    self_timed: Annotated[
        bool | None, Option("--self-timed/--no-self-timed", help="Send at the times that the file tells.")
    ] = None
    trace_speed_up: Annotated[float, Option(help="Replay a trace so many times as fast."), Fills("trace.speed_up")] = (
        1.0
    )
    trace_block_size: Annotated[
        int | None,
        Option(
            "--trace-block-size",
            "--isl-block-size",
            min=1,
            help="Tokens of a trace's block id.",
            show_default="as fits",
        ),
        Fills("trace.block_size"),
    ] = None
    trace_time_unit: Annotated[
        TimeUnit | None,
        Option(help="Unit of a trace's times.", show_default="ms for mooncake, s for others"),
        Fills("trace.time_unit"),
    ] = None
    strict_trace: Annotated[bool, Option("--strict-trace", help="A line that cannot be used is an error.")] = False
    tokenizer: options.Tokenizer = None
    vocab_size: Annotated[int | None, Option(min=1, help="Token ids to draw from, without --tokenizer.")] = None
    random_prefix_len: Annotated[
        int | None,
        Option("--random-prefix-len", min=0, help="Tokens that prompts share, on top of --isl.", show_default="0"),
    ] = None
    num_prefixes: Annotated[
        int | None, Option(min=1, help="Groups of prompts with a shared prefix each.", show_default="1")
    ] = None
    num_turns: Annotated[int, Option(min=1, help="Turns of a session; each prompt holds what was said before.")] = 1
    think_time: Annotated[float, Option(min=0, help="Seconds between an answer and the next turn.")] = 0.0

    def __post_init__(self) -> None:
        made_up = self.dataset_name in SHAPES
        if made_up != (self.dataset_path is None):
            what = "has no file; leave out --dataset-path" if made_up else "needs --dataset-path"
            raise UsageError(f"--dataset-name {self.dataset_name.value} {what}")
        if self.osl is not None and self.osl < 1 and not (self.osl == -1 and self.dataset_name is Dataset.CUSTOM):
            least = f" {self.osl} must be at least 1, or with --dataset-name custom -1 for the file's own"
            raise UsageError(FieldName("osl"), least)
        if self.num_turns > 1 and self.dataset_name is Dataset.CUSTOM:
            raise UsageError("prompts of --dataset-name custom stand alone; leave out --num-turns")
        useless = {"trace_block_size": self.trace_block_size, "trace_time_unit": self.trace_time_unit}
        if made_up and (given := [name for name, value in useless.items() if value is not None]):
            raise UsageError(FieldName(given[0]), f" is for a trace; --dataset-name {self.dataset_name.value} is none")

    @property
    def _shape(self) -> PromptShape:
        return SHAPES.get(self.dataset_name, PromptShape())

    @property
    def lengths(self) -> tuple[Lengths, Lengths]:
        """Prompt and output lengths of made-up prompts."""
        from inferbench.workload.lengths import around

        shape, ratios = self._shape, _ratios(self.random_range_ratio)
        isl, osl = self.isl or shape.isl, self.osl if self.osl and self.osl > 0 else shape.osl
        return around(isl, ratios[0]), around(osl, ratios[1])

    @property
    def prompts(self) -> PromptSource:
        """Where the text of prompts comes from."""
        from inferbench.workload.prompt_source import PromptSource

        return PromptSource(
            tokenizer=self.tokenizer,
            sharegpt=self.dataset_path if self.dataset_name is Dataset.SHAREGPT else None,
            custom=self.dataset_path if self.dataset_name is Dataset.CUSTOM else None,
            trace=self.dataset_path if self.dataset_name is Dataset.MOONCAKE else None,
            token_ids=self.dataset_name is Dataset.RANDOM_IDS,
            vocab_size=self.vocab_size,
        )

    @property
    def shared(self) -> SharedPrefix | None:
        """What prompts share; None for nothing."""
        from inferbench.workload.shared_prefixes import SharedPrefix

        shape = self._shape
        tokens = shape.prefix if self.random_prefix_len is None else self.random_prefix_len
        return SharedPrefix(tokens, self.num_prefixes or shape.prefixes, shape.even) if tokens else None

    @property
    def turns(self) -> Turns | None:
        """Sessions of made-up text; None where each request stands alone or a trace has sessions of its own."""
        from inferbench.workload.shared_prefixes import Turns

        return Turns(self.num_turns, self.think_time) if self.dataset_name in SHAPES and self.num_turns > 1 else None

    @property
    def trace(self) -> TraceFile | None:
        """The file to replay; None where lengths are drawn. Conversations are replayed whole with several turns."""
        from inferbench.runs.bench.bench_plan import TraceFile

        if self.dataset_path is None:
            return None
        osl = self.osl if self.dataset_name in (Dataset.CUSTOM, Dataset.SHAREGPT) else None
        if self.dataset_name is Dataset.CUSTOM:
            osl = None if osl == -1 else osl or OSL_OF_CUSTOM
        timed = self.dataset_name is Dataset.TIMED_TRACE  # Mooncake's keys
        return TraceFile(
            Dataset.MOONCAKE.value if timed else self.dataset_name.value,
            self.dataset_path,
            self.trace_speed_up,
            self.strict_trace,
            sessions=self.num_turns > 1,
            think_s=self.think_time,
            shuffle=not self.disable_shuffle,
            osl=osl,
            block_size=self.trace_block_size or (TIMED_BLOCK if timed else None),
            time_unit=self.trace_time_unit or (TIMED_UNIT if timed else None),
        )

    def own_times(self, by_rate: bool) -> bool | None:
        """Whether the file's times count: as asked; always with a timed trace; None: as `BenchLoad` has it."""
        if self.self_timed is not None or self.dataset_name is Dataset.TIMED_TRACE:
            return self.self_timed is not False
        return False if by_rate else None

    def ignore_eos(self, asked: bool | None, everywhere: bool) -> bool:
        """Whether answers go on to their planned length: as asked, or as the load generators named here have it.

        They do with made-up prompts and with traces of lengths alone, and not where texts end as they end;
        `everywhere` is SGLang's rule.
        """
        ends = (Dataset.PREFIX_REPETITION, Dataset.CUSTOM, Dataset.SHAREGPT, Dataset.BURSTGPT)
        return asked if asked is not None else everywhere or self.dataset_name not in ends


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
