"""The library's errors speak of fields; flags are named in one room, the command line's."""

from __future__ import annotations

import ast
import pickle
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferbench.cli import execute
from inferbench.cli.app import COMMANDS, GROUPS, load
from inferbench.cli.dropin.translate import FLAGS
from inferbench.cli.options.flags import flags_of
from inferbench.errors import ExitCode, FieldName, UsageError
from inferbench.runs.bench.bench_plan import BenchLoad, TraceFile
from inferbench.workload.arrivals import RampStrategy, RateRamp

PACKAGE = Path(__file__).parents[2] / "inferbench"

OF_OTHERS = {
    "deploy": "command lines of engines, routers, containers and batch systems",
    "formats": "files of other tools, by the flags that write them",
    "testing": "command lines of engines on this machine",
    "telemetry/gpu_tools.py": "command lines of GPU tools",
    "runs/measure/gpu_names.py": "command lines of GPU tools",
    "secrets/command_lines.py": "launch commands of engines",
    "scenario/launch_caveats.py": "launch commands of engines",
    "secrets/names.py": "names of any program's flags",
    "files/allowed_names.py": "any program's flags",
    "simulator/server/server_process.py": "the command line of a process of its own",
    "simulator/server/__main__.py": "the command line of a process of its own",
    "runs/measure/evaluate.py": "the harness's command line",
}
"""Where the flags of other programs are spelled as ours are."""
ADVICE = (
    "send more requests per stream (--num-prompts), share them over processes (--workers)",
    "share the load over processes (--workers)",
    "share the load over more processes: --workers ",
    "or from several (--ray)",
    "--tokenizer counts the text",
    "--tokenizer makes them exact",
    "as in another run with --seed ",
    "--dataset-name sharegpt sends some",
    "if they are seconds, --trace-time-unit s says so",
    "name workers with --prefill-url and --decode-url",
    "name one with --shape: ",
    "; give --\0",
    " --base-url URL",
)
"""Notes that a run keeps, or reasons for what was left out: their readers come later, by a page or another command."""
WHOLE_COMMANDS = re.compile(r"`(?:inferbench|vllm|python) [^`]*`")
FLAG = re.compile(r"(?<![\w-])--(?:[a-z][a-z-]*|\0)")


def commands(of: Any) -> Iterator[Any]:
    subcommands = getattr(of, "commands", None)
    yield from [of] if subcommands is None else (leaf for sub in subcommands.values() for leaf in commands(sub))


ALL = [leaf for name in (*COMMANDS, *GROUPS) for leaf in commands(load(name))]
OURS = {name for command in ALL for option in command.params for name in (*option.opts, *option.secondary_opts)}


def texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text of a source, with \\0 where a value is put in."""
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        yield node.lineno, "".join(parts)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    for child in ast.iter_child_nodes(node):
        if not isinstance(node, ast.JoinedStr) or isinstance(child, ast.FormattedValue):
            yield from texts(child)


def named(text: str) -> set[str]:
    """Our flags that a text names outside of whole commands and of advice that is kept."""
    text = WHOLE_COMMANDS.sub("", text)
    for advice in ADVICE:
        text = text.replace(advice, "")
    return {flag for flag in FLAG.findall(text) if flag in OURS or flag.endswith("\0")}


def test_no_text_of_the_library_names_a_flag_of_ours() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE)
        if where.parts[0] == "cli" or {where.parts[0], where.as_posix()} & OF_OTHERS.keys():
            continue
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            if flags := named(text):
                found[f"{where.as_posix()}:{line}"] = flags
    assert not found, "say it of fields: UsageError(FieldName('num_prompts'), ' 0 must be at least 1')"


def test_the_walk_finds_flags_and_leaves_commands_and_other_programs_alone() -> None:
    source = (
        'raise UsageError(f"--num-prompts {n}" f"{n} (--tier)", f"--{n} x", "--query-gpu `inferbench run --store s`")'
    )
    assert [flags for _, text in texts(ast.parse(source)) if (flags := named(text))] == [
        {"--num-prompts", "--tier"},
        {"--\0"},
    ]


def test_every_advice_is_still_given() -> None:
    """The list of what is let through holds nothing that is no more."""
    given = {text for path in PACKAGE.rglob("*.py") for _, text in texts(ast.parse(path.read_text(encoding="utf-8")))}
    assert not [advice for advice in ADVICE if not any(advice in text for text in given)]
    assert not [where for where in OF_OTHERS if not (PACKAGE / where).exists()]


def test_an_error_names_its_fields_and_keeps_them_on_its_way_out_of_a_process() -> None:
    with pytest.raises(UsageError) as caught:
        BenchLoad(num_prompts=0)
    assert str(caught.value) == "num_prompts 0 must be at least 1"
    kept = pickle.loads(pickle.dumps(caught.value))
    assert (str(kept), kept.fields) == (str(caught.value), ("num_prompts",))
    assert kept.told({"num_prompts": "--n"}.__getitem__) == "--n 0 must be at least 1"


def test_what_a_field_is_about_is_no_field_itself() -> None:
    error = UsageError(FieldName("topology"), ": unknown topology '{topology}'")
    assert error.told(str.upper) == "TOPOLOGY: unknown topology '{topology}'"


def test_fields_of_values_inside_a_load_are_named_by_their_way_to_it() -> None:
    with pytest.raises(UsageError, match=r"^rate_ramp\.end 0 must be above 0"):
        RateRamp(RampStrategy.LINEAR, 1, 0)
    with pytest.raises(UsageError, match=r"^self_timed needs a trace that tells times, as trace\.kind mooncake"):
        BenchLoad(self_timed=True, trace=TraceFile("sharegpt", Path("x")))


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.name)
def test_every_flag_that_stands_for_a_field_is_one_that_can_be_typed(command: Any) -> None:
    assert set(flags_of(command).values()) <= OURS | FLAGS.keys()


def test_of_several_names_the_one_that_was_typed_is_shown() -> None:
    (bench,) = (command for command in ALL if command.name == "bench")
    fields = ("trace.osl", "osl", "trace.block_size", "grace_s")
    names = flags_of(bench)
    assert [names[field] for field in fields] == [
        "--custom-output-len",
        "--osl",
        "--trace-block-size",
        "--grace-period",
    ]
    names = flags_of(bench, {"--osl": "--output-len", "--isl-block-size": "--isl-block-size"})
    assert [names[field] for field in fields[:3]] == ["--output-len", "--output-len", "--isl-block-size"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("bench --num-prompts 0", "--num-prompts 0 must be at least 1"),
        ("bench --request-count 0", "--request-count 0 must be at least 1"),
        ("bench --warmup_requests=-1", "--warmup-requests -1 must be at least 0"),
        ("bench --benchmark-duration 0", "--benchmark-duration 0.0 must be above 0"),
        ("bench --ramp-up-strategy linear --ramp-up-start-rps 0 --ramp-up-end-rps 1", "--ramp-up-start-rps 0 must be"),
        ("bench --self-timed", "--self-timed needs a trace that tells times, as --dataset-name mooncake has them"),
        ("bench --search", "--search needs --goodput, and --max-concurrency as the highest load to try"),
        ("bench --dataset-name random-ids", "token ids need --tokenizer or --vocab-size"),
        ("twin serve --fault x", "--fault: unknown fault 'x'"),
    ],
)
def test_the_command_line_names_the_flag_that_was_typed(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(shlex.split(line)) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(f"inferbench: {says}")


def test_an_error_that_sends_to_another_command_names_its_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise UsageError("use ", FieldName("listen"), " and ", FieldName("nothing_of_ours"))

    monkeypatch.setattr("inferbench.simulator.validation.validate_twin.calibrate_twin_kv", refuse)
    assert execute(["twin", "calibrate", "--probe", str(tmp_path)]) == ExitCode.USAGE
    assert capsys.readouterr().err == "inferbench: use --listen and nothing_of_ours\n"
