"""Write the parts of docs/ that commands make: `make docs`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from inferbench.cli.dropin import others, vllm
from inferbench.cli.dropin.flag import FlagKind, ForeignFlag
from inferbench.cli.dropin.names import BACKENDS, REFUSED_BACKENDS, REFUSED_DATASETS
from inferbench.errors import ExitCode
from inferbench.metrics.catalog import CATALOG

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


DROPIN = """# Command lines of other load generators

Made by `make docs`; the lists are `inferbench/cli/dropin/`.

`inferbench bench` takes the command line of `vllm bench serve` {version}: write it in place of these three words. Each
flag means what it means there, or is refused by name with what to use instead (exit code 2). `make test-real` holds the
list against the parser of the installed vLLM. Underscores in names, `--flag=value`, several words after one flag
(`--goodput ttft:200 tpot:20`) and keys of JSON (`--extra-body.top_k 5`) are read as there. A flag that belongs to
another data set than the one asked for says nothing, there and here; here it is said.

What a run does is the same, but for this:

- Requests are greedy (`temperature` 0) unless `--temperature` or `--extra-body` says otherwise.
- Without `--tokenizer`, lengths are counted in words. The server's own counts stand in the result, and `--tokenizer`
  with the path of a `tokenizer.json` makes them exact. Nothing is looked up under a model's name.
- No two prompts begin alike but for what is asked for, so that no run hits what another has left in the prefix cache.
  Of ShareGPT the words and the lengths of conversations are taken; prompts of `--dataset-name custom` go out as they
  are.
- The server's prefix cache is emptied first where there is a way to (`--no-flush-cache`: not).
- The exit code says how it went ([cli.md](cli.md)), and every run is kept in `--store`.

When requests are sent: made-up prompts, `sharegpt`, `burstgpt` and `custom` by `--request-rate`, all at once without
it; a `timed_trace` at its own times; Mooncake's, Bailian's and Azure's traces, too, unless `--request-rate` (`inf`: all
at once) or `--max-concurrency` is given; any trace that tells times with `--self-timed`, none with `--no-self-timed`.

`--probe-request-rate R` sends R requests/s for one token beside the load, on connections of their own, past
`--max-concurrency`: how long a stranger's request waits. They are due at equal distances whatever became of those
before (vLLM's client waits for each, and so sends few into a stall), are no part of the run's figures, and are told in
a note, in `probe` of the summary and in vLLM's keys of the result file.
"""


def dropin() -> str:
    """What each flag of another load generator is here."""
    parts = [DROPIN.format(version=vllm.VERSION), f"## vllm bench serve {vllm.VERSION}\n", *_rows(vllm.FLAGS)]
    parts += ["\nOf earlier versions, as pages still print them:\n", *_rows(others.OLDER)]
    parts += ["\n## Backends\n", "| --backend | path | port |\n|---|---|---|"]
    parts += [f"| {name} | {backend.path} | {backend.port} |" for name, backend in BACKENDS.items()]
    parts += [f"| {name} | refused: {why} | |" for name, why in REFUSED_BACKENDS.items()]
    parts += ["\n## Data sets that are refused\n", "| --dataset-name | instead |\n|---|---|"]
    parts += [f"| {name} | {why} |" for name, why in REFUSED_DATASETS.items()]
    parts += [f"\n## {others.TITLE}\n", others.ABOUT + "\n", *_rows(others.SGLANG)]
    parts += ["\n## aiperf\n", others.ABOUT_AIPERF + "\n", *_rows(others.AIPERF)]
    return "\n".join(parts) + "\n"


def _rows(flags: Iterable[ForeignFlag]) -> list[str]:
    return ["| flag | here |\n|---|---|", *(f"| `{flag.name}` | {_here(flag)} |" for flag in flags)]


def _here(flag: ForeignFlag) -> str:
    says = f": {flag.says}" if flag.says else ""
    if flag.kind is FlagKind.OWN:
        return f"the same{says}"
    if flag.kind is FlagKind.SAME:
        return f"`{flag.to}`{says}"
    if flag.kind is FlagKind.BODY:
        return f"`{flag.to}` of the body{says}"
    return f"{'nothing to do' if flag.kind is FlagKind.NOTHING else 'refused'}{says}"


GLOSSARY = """# Glossary

One name, one unit, one formula. `start` is when the last request byte went to the kernel on a connection that was
opened beforehand (closed loop), or when the request was due (open loop). Who counts tokens, and what counts as one:
[client.md](client.md#what-counts-as-what).

## Metrics

Made by `make docs` from the catalogue of metrics, `inferbench/metrics/catalog.py`; where its formulas come from
stands there.

| name | unit | better | definition | the trap |
|---|---|---|---|---|
{metrics}

Percentiles are linear between order statistics (numpy's default); `std` is of the population. In a window, latencies
are those of requests that began and ended inside it; tokens count when they arrive, a prompt's tokens when its first
token arrives.

## Other words

| name | unit | definition | the trap |
|---|---|---|---|
| `probe` | ms | last token - sent, of requests for one token at equal distances beside the load, which count in no other figure | those still out at its end count in the longest alone; vLLM's client waits for each before it sends the next |
| `client_queue_time` | ms | start - when the request was due, at the beginning in a closed loop; only in vLLM's result file | how long the load is, and not how good the server is |
| `basis` | | `whole_run`: first start to last token, ramp and drain included, as vLLM and InferenceX. `window`: steady state, from the end of the first wave to the last start | about 10 % apart: never drawn or compared together |
| `provisioned_usd_per_gpu_hour` | USD | an hour that a GPU is there, working or not | `usd_per_gpu_hour` of an owned book is of an hour that it works: over availability and utilisation, once |
| `gpus_used`, `gpus_billed` | GPUs | GPUs that workers run on; all GPUs of the whole nodes that these take | stranded GPUs are paid for |

**States of a result.** *CHEAPER*, *DEARER*: the interval of the cost ratio excludes a tie. *TIE*: all of it lies
within a stated margin of one. *UNDECIDED*: the interval includes a tie, or price books disagree. *INVALID*: the client was
so late that a headline figure could be more than 2 % off; no verdict is drawn from it. *partial*: stopped before all
that was planned had run. *simulated*: from the twin.
"""  # noqa: E501  (rows of a table are one line each)


def glossary() -> str:
    """Every metric with its unit, formula and trap, and the words around them."""
    cells = ((f"`{m.name}`", m.unit, m.better or "", m.formula, m.trap) for m in CATALOG.values())
    rows = [f"| {' | '.join(row)} |" for row in cells]
    return GLOSSARY.format(metrics="\n".join(rows))


PAGES = {"cli.md": command_line, "dropin.md": dropin, "glossary.md": glossary}

if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made(), encoding="utf-8")
