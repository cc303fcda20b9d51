"""Command lines of other load generators: each flag is taken with its meaning, or refused by name."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter

import pytest

from inferbench.cli import execute
from inferbench.cli.app import load
from inferbench.cli.bench.other_clients import own_options
from inferbench.cli.dropin import others, vllm
from inferbench.cli.dropin.flag import FlagKind
from inferbench.cli.dropin.names import BACKENDS, REFUSED_BACKENDS, REFUSED_DATASETS
from inferbench.cli.dropin.translate import FLAGS, Translated, translate
from inferbench.errors import ExitCode, UsageError

OWN = own_options(load("bench"))
LISTS = (vllm.FLAGS, others.SGLANG, others.AIPERF, others.OLDER)


def to_ours(line: str) -> Translated:
    return translate(shlex.split(line), OWN)


def test_every_flag_stands_in_one_list_once() -> None:
    assert max(Counter(flag.name for flags in LISTS for flag in flags).values()) == 1
    assert len(FLAGS) == sum(map(len, LISTS))


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_an_option_or_leads_to_one_or_says_what_to_use_instead(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = FLAGS[name]
    if flag.kind is FlagKind.OWN:
        assert name in OWN
    elif flag.kind is FlagKind.SAME:
        assert set(flag.to.split()) <= set(OWN)
        assert name not in OWN
    elif flag.kind is FlagKind.REFUSED:
        words = ["1"] * abs(flag.values)
        assert execute(["bench", name.replace("-", "_").replace("__", "--", 1), *words]) == ExitCode.USAGE
        error = capsys.readouterr().err
        assert error.startswith(f"inferbench: {name} is not taken here: ")
        assert error.count("\n") == 1
        assert len(flag.says) > 10
    else:
        assert name not in OWN


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("--goodput ttft:200 tpot:20 --seed 1", "--goodput ttft:200 --goodput tpot:20 --seed 1"),
        ("--metadata a=b c=d", "--metadata a=b --metadata c=d"),
        ("--max_concurrency=4 --num_prompts 3", "--max-concurrency 4 --num-prompts 3"),
        ("--header x-a=1 y_b=2 --model m_x", "--header x-a=1 --header y_b=2 --model m_x"),
        ("--dataset-name sharegpt --sharegpt-output-len 9", "--dataset-name sharegpt --osl 9"),
        ("--dataset-name custom --custom-output-len -1", "--dataset-name custom --osl -1"),
        ("--input-len 7 --output-len 8", "--isl 7 --osl 8"),
        ("--trust-remote-code --no-oversample --tokenizer-mode hf --ignore-eos", "--ignore-eos"),
        ("--output-file out.jsonl", "--append-result --result-filename out.jsonl"),
        ("--disable-ignore-eos --warmup-requests 3 --flush-cache", "--no-ignore-eos --num-warmups 3 --flush-cache"),
        ("--extra-request-body '{\"a\": 1}'", "--extra-body '{\"a\": 1}'"),
        (
            "--dataset-name generated-shared-prefix --gsp-num-groups 4 --gsp-system-prompt-len 9 --gsp-question-len 2",
            "--dataset-name generated-shared-prefix --num-prefixes 4 --random-prefix-len 9 --isl 2",
        ),
        ("--random-seed 4 --warmup-request-count 2", "--seed 4 --num-warmups 2"),
        (
            "--dataset-name timed_trace --timed-trace-sec-multiplier 0.001 --timed-trace-label-hash-ids hash_ids "
            "--timed-trace-chunk-hash-size 512",
            "--dataset-name timed_trace --trace-time-unit ms --trace-block-size 512",
        ),
        ("--help", "--help"),
        ("stray", "stray"),
    ],
)
def test_a_flag_means_what_it_means_there(line: str, ours: str) -> None:
    taken = to_ours(line)
    assert (taken.arguments, taken.notices) == (shlex.split(ours), [])


def test_sampling_parameters_become_one_object_and_keys_of_the_body_another() -> None:
    taken = to_ours("--top-p 0.9 --top_k=5 --extra-body '{\"a\": null}' --extra_body.b.c_d 2 --extra-body.b.e x")
    body = [json.loads(word) for word in taken.arguments if word.startswith("{")]
    assert taken.arguments[-2] == "--sampling"
    assert body[-1] == {"top_p": 0.9, "top_k": 5}
    assert body[-2] == {"a": None, "b": {"c_d": 2, "e": "x"}}  # null goes through: it takes a key out of the body


def test_a_flag_of_another_data_set_is_left_out_and_said() -> None:
    taken = to_ours("--dataset-name sharegpt --random-input-len 9 --sharegpt-output-len 4")
    assert taken.arguments == ["--dataset-name", "sharegpt", "--osl", "4"]
    assert taken.notices == ["--random-input-len says nothing about --dataset-name sharegpt, and is left out"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--num-promts 3", "unknown option --num-promts; did you mean --num-prompts?"),
        ("--prefix-repetition-suffix 3", "did you mean --prefix-repetition-suffix-len?"),
        ("--top-p x", "--top-p 'x' is not a number"),
        ("--dataset-name hf", "nothing is downloaded here; save its prompts as JSON lines"),
        ("--backend openai-embeddings", "generate no tokens"),
        ("--tokenizer-mode mistral", "give the tokenizer.json"),
        ("--backend sglang --random-range-ratio 0.5", "lengths of 0.75 L with --random-range-ratio 0.3333"),
        ("--dataset-name timed_trace --timed-trace-sec-multiplier 60", "1 is s, 0.001 is ms"),
        ("--dataset-name timed_trace --timed-trace-label-timestamp at", "write the file with it"),
        ("--gsp-prompts-per-group 3", "--num-prompts, groups times prompts per group"),
    ],
)
def test_what_cannot_be_is_one_line_with_a_way_out(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["bench", *shlex.split(line)]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_sglangs_interval_can_be_written_in_ours() -> None:
    """SGLang draws from [rL, L]: the advice must be that interval."""
    with pytest.raises(UsageError) as refused:
        to_ours("--backend sglang-oai --random-range-ratio 0.25")
    found = re.search(r"lengths of ([\d.]+) L with --random-range-ratio ([\d.]+)$", str(refused.value))
    assert found
    length, ratio = map(float, found.groups())
    assert (length * (1 - ratio), length * (1 + ratio)) == pytest.approx((0.25, 1.0), abs=1e-3)


def test_names_are_taken_or_refused_and_not_both() -> None:
    assert not set(BACKENDS) & set(REFUSED_BACKENDS)
    assert not set(REFUSED_DATASETS) & {"random", "sharegpt", "custom", "burstgpt", "prefix_repetition", "mooncake"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--backend vlm", "unknown backend 'vlm'"),
        ("--backend vllm --endpoint /v1/chat/completions", "--backend vllm speaks /v1/completions"),
        ("--random-range-ratio 1", "must be at least 0 and below 1"),
        ("--random-range-ratio x", "neither a number nor JSON"),
        ("--random-range-ratio '{\"input\": 0.1}'", "neither a number nor JSON"),
        ("--osl -1", "must be at least 1"),
        ("--self-timed", "--self-timed needs a trace that tells times"),
        ("--dataset-name custom --dataset-path none.jsonl --num-turns 2", "leave out --num-turns"),
    ],
)
def test_values_that_cannot_be_are_named(arguments: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["bench", *shlex.split(arguments)]) == ExitCode.USAGE
    assert says in capsys.readouterr().err
