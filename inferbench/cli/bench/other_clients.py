"""How `inferbench bench` reads its command line, which may be one of another load generator."""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperCommand
from typing_extensions import override

from inferbench.cli.dropin.flag import MANY
from inferbench.cli.dropin.translate import translate
from inferbench.cli.options.flags import TYPED


class BenchCommand(TyperCommand):
    """Takes the flags of `vllm bench serve` and of its relatives, each with its meaning or not at all."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        taken = translate(args, own_options(self))
        for notice in taken.notices:
            print(f"inferbench: {notice}", file=sys.stderr)
        ctx.meta[TYPED] = taken.typed
        return super().parse_args(ctx, taken.arguments)


def own_options(command: Any) -> dict[str, int]:
    """Names of a command's options, and how many words each takes."""
    return {
        name: 0 if option.is_flag else MANY if option.multiple else 1
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    } | {"--help": 0}
