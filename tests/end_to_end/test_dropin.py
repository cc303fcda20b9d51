"""Command lines of vLLM's own benchmark page, with the first words replaced, against a server on this machine."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.simulator.server.server_process import fetch_record, start_paced
from tests.support.recording_server import Asked, RecordingServer, recording_server

MODEL = "NousResearch/Hermes-3-Llama-3.1-8B"
GOOD = (ExitCode.OK, ExitCode.INVALID)
"""How a run ends on a machine that may have something else to do."""


@pytest.fixture(scope="module")
def served() -> Iterator[RecordingServer]:
    with recording_server(MODEL) as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Data sets of the shapes that vLLM's page names."""
    words = "word " * 30
    long = "word " * 1500
    conversations = [
        {"conversations": [{"from": "human", "value": f"q{k} {words}"}, {"from": "gpt", "value": f"a{k} {words[:40]}"}]}
        for k in range(40)
    ]
    conversations += [{"conversations": [{"from": "human", "value": long}, {"from": "gpt", "value": words}]}] * 20
    (tmp_path / "ShareGPT_V3_unfiltered_cleaned_split.json").write_text(json.dumps(conversations))
    lines = [{"prompt": f"What is the capital of country {k}?", "output_tokens": 3 + k} for k in range(12)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [f"{k},{'GPT-4' if k % 2 else 'ChatGPT'},{100 + k},{5 + k % 3},0,Conversation log" for k in range(60)]
    rows += ["61,GPT-4,400,0,400,Conversation log"]
    (tmp_path / "BurstGPT_1.csv").write_text(
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n" + "\n".join(rows) + "\n"
    )
    return tmp_path


def vllm(
    line: str, served: RecordingServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Asked], dict[str, Any]]:
    """Run a line as vLLM's page prints it; what the server was asked, and the result file."""
    monkeypatch.chdir(folder)
    words = shlex.split(line.replace("vllm bench serve", "bench"))
    before = len(served.asked)
    where = ["--port", str(served.port), "--store", "runs", "--result-dir", "log", "--result-filename", "r.json"]
    code = execute([*words, *where])
    assert code in GOOD
    return served.asked[before:], json.loads((folder / "log" / "r.json").read_bytes())


def test_sharegpt_is_sent_all_at_once_and_within_vllms_bounds(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"""vllm bench serve --backend vllm --model {MODEL} --endpoint /v1/completions --dataset-name sharegpt
        --dataset-path {files}/ShareGPT_V3_unfiltered_cleaned_split.json --num-prompts 10"""
    asked, result = vllm(line, served, files, monkeypatch)
    assert (len(asked), {a.path for a in asked}) == (10, {"/v1/completions"})
    assert {a.body["max_tokens"] for a in asked} <= {9}  # a0 and the 8 words of its answer; nothing of 1,500 words
    assert not any("ignore_eos" in a.body for a in asked)  # as in vLLM, answers to real text end as they end
    assert (result["backend"], result["model_id"], result["request_rate"]) == ("vllm", MODEL, "inf")
    again, _ = vllm(line + " --seed 3 --sharegpt-output-len 5 --ignore-eos", served, files, monkeypatch)
    assert {(a.body["max_tokens"], a.body["ignore_eos"]) for a in again} == {(5, True)}


def test_a_rate_a_concurrency_and_a_goodput_of_several_words_are_taken(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, result = vllm(
        """vllm bench serve --backend vllm --dataset-name random --random-input-len 12 --random_output_len=4
        --num-prompts 8 --request-rate 200 --max-concurrency 5 --goodput ttft:20000 tpot:20000 --metadata tp=1 note=x
        --percentile-metrics ttft,client_queue_time,e2el_including_client_queue --metric-percentiles 50,99
        --disable-tqdm --trust-remote-code --tokenizer-mode auto --request-id-prefix mine-""",
        served, files, monkeypatch,
    )  # fmt: skip
    assert {(a.body["max_tokens"], a.body["ignore_eos"]) for a in asked} == {(4, True)}
    assert {len(a.body["prompt"].split()) for a in asked} == {12}
    assert sorted(a.headers["x-request-id"] for a in asked) == [f"mine-{k}" for k in range(8)]
    assert (result["request_rate"], result["max_concurrency"]) == (200, 5)
    assert (result["tp"], result["note"]) == ("1", "x")
    assert {"p50_client_queue_time_ms", "p99_e2el_including_client_queue_ms", "mean_ttft_ms"} <= set(result)
    assert "mean_tpot_ms" not in result


def test_prompts_of_a_file_go_out_word_for_word_to_a_chat(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = """vllm bench serve --backend openai-chat --endpoint /v1/chat/completions --dataset-name custom
        --dataset-path data.jsonl --custom-skip-chat-template --num-prompts 8 --max-concurrency 2 --save-result"""
    asked, result = vllm(line + " --num-warmups 2", served, files, monkeypatch)
    given = {json.loads(text)["prompt"] for text in (files / "data.jsonl").read_text().splitlines()}
    sent = [a.body["messages"][0]["content"] for a in asked]
    assert (len(sent), len(set(sent) & given)) == (10, 8)  # a warm-up must not put a prompt into the server's cache
    assert {a.body["max_tokens"] for a in asked[2:]} == {256}
    assert result["endpoint_type"] == "openai-chat"
    own, _ = vllm(line + " --disable-shuffle --custom-output-len -1", served, files, monkeypatch)
    assert sorted(a.body["max_tokens"] for a in own) == list(range(3, 11))


def test_a_file_is_shared_by_workers_and_every_prompt_goes_out_once(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "vllm bench serve --dataset-name custom --dataset-path data.jsonl --custom-output-len 2 --workers 2"
    asked, _ = vllm(line + " --num-prompts 12 --max-concurrency 4", served, files, monkeypatch)
    assert len({a.body["prompt"] for a in asked}) == 12


def test_burstgpt_is_a_sample_of_the_rows_that_vllm_takes(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "vllm bench serve --backend vllm --dataset-name burstgpt --dataset-path BurstGPT_1.csv --num-prompts 10"
    asked, _ = vllm(line, served, files, monkeypatch)
    lengths = [len(a.body["prompt"].split()) for a in asked]
    assert all(length % 2 for length in lengths)  # rows of GPT-4
    assert sorted(lengths) != list(range(101, 121, 2))  # and not the first ones


def test_a_timed_trace_is_replayed_in_seconds_and_blocks_of_sixteen(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"input_length": 40, "output_length": 2, "hash_ids": [1, 2, 3]}
    trace = [{**line, "timestamp": 0.4 * k, "hash_ids": [1, 2, 3 + k]} for k in range(3)]
    (files / "t.jsonl").write_text("".join(json.dumps(each) + "\n" for each in trace))
    command = "vllm bench serve --dataset-name timed_trace --dataset-path t.jsonl --num-prompts 3 --max-concurrency 3"
    asked, result = vllm(command, served, files, monkeypatch)
    assert result["duration"] > 0.7  # counted from when the first one could go
    assert all(a.body["ignore_eos"] for a in asked)
    prompts = [a.body["prompt"].split() for a in asked]
    assert {len(prompt) for prompt in prompts} == {40}
    assert (len({" ".join(p[:32]) for p in prompts}), len({" ".join(p[32:]) for p in prompts})) == (1, 3)


def test_sampling_parameters_and_extra_keys_go_into_the_body(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = """vllm bench serve --num-prompts 2 --random-output-len 2 --top-k 10 --top-p 0.9 --min-p 0.1
        --temperature 0.5 --frequency-penalty 0.1 --presence-penalty 0.2 --repetition-penalty 1.2"""
    sampling = {
        "top_k": 10, "top_p": 0.9, "min_p": 0.1, "temperature": 0.5, "frequency_penalty": 0.1, "presence_penalty": 0.2,
        "repetition_penalty": 1.2,
    }  # fmt: skip
    more = """ --logprobs 2 --extra-body '{"top_k": 5}' --extra-body.chat_template_kwargs.enable_thinking false"""
    asked, _ = vllm(line + more, served, files, monkeypatch)
    body = asked[0].body
    assert {k: body[k] for k in sampling} == sampling | {"top_k": 5}
    assert (body["logprobs"], body["chat_template_kwargs"]) == (2, {"enable_thinking": False})
    chat, _ = vllm(line + " --backend openai-chat --logprobs 2", served, files, monkeypatch)
    assert (chat[0].body["logprobs"], chat[0].body["top_logprobs"], chat[0].body["top_p"]) == (True, 2, 0.9)
    sglang, _ = vllm(line + " --backend sglang --logprobs 2", served, files, monkeypatch)
    inner = sglang[0].body["sampling_params"]
    assert inner == sampling | {"max_new_tokens": 2, "ignore_eos": True}
    assert (sglang[0].body["return_logprob"], sglang[0].body["top_logprobs_num"]) == (True, 2)


def test_shared_prefixes_are_as_many_and_as_often_as_vllm_has_them(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, _ = vllm(
        """vllm bench serve --backend openai --dataset-name prefix_repetition --num-prompts 12
        --prefix-repetition-prefix-len 20 --prefix-repetition-suffix-len 6 --prefix-repetition-num-prefixes 3
        --prefix-repetition-output-len 4""",
        served, files, monkeypatch,
    )  # fmt: skip
    prompts = [a.body["prompt"].split() for a in asked]
    assert {len(prompt) for prompt in prompts} == {26}
    assert sorted(Counter(" ".join(prompt[:20]) for prompt in prompts).values()) == [4, 4, 4]
    assert {a.body["max_tokens"] for a in asked} == {4}


def test_a_ramp_is_taken(served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _ = vllm(
        """vllm bench serve --dataset-name random --random-input-len 4 --random-output-len 2 --num-prompts 20
        --ramp-up-strategy linear --ramp-up-start-rps 50 --ramp-up-end-rps 100""",
        served, files, monkeypatch,
    )  # fmt: skip
    assert len(asked) == 20


def test_results_of_several_runs_are_lines_of_one_file(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    short = ["--num-prompts", "2", "--isl", "4", "--osl", "2", "--port", str(served.port), "--store", "runs"]
    for _ in range(2):
        assert execute(["bench", *short, "--append-result", "--result-filename", "all.jsonl"]) in GOOD
    assert [json.loads(line)["completed"] for line in (files / "all.jsonl").read_text().splitlines()] == [2, 2]


def test_a_model_may_have_another_name_at_the_endpoint(
    served: RecordingServer, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"vllm bench serve --model org/weights --served-model-name {MODEL} --num-prompts 1 --random-output-len 2"
    asked, result = vllm(line, served, files, monkeypatch)
    assert (asked[0].body["model"], result["model_id"]) == (MODEL, "org/weights")


def test_probe_requests_are_sent_beside_the_load_and_told_apart(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    with start_paced(60, 20, "paced") as server:
        code = execute([
            "bench", "--base-url", server.url, "--isl", "8", "--osl", "30", "--num-prompts", "4", "--max-concurrency",
            "2", "--probe-request-rate", "10", "--store", "runs", "--result-filename", "r.json",
        ])  # fmt: skip
        sent = Counter(record.tokens for record in fetch_record(server.url))
    assert code in GOOD
    result = json.loads((files / "r.json").read_bytes())
    assert (result["completed"], result["total_output_tokens"]) == (4, 4 * 30)
    # Two rounds of 60 + 29 x 20 ms: one at 0, and one every 100 ms until the load ends, of which the last may be out.
    assert 10 <= result["probe_completed"] <= sent[1] <= result["probe_completed"] + 1
    assert result["probe_failed"] == 0
    assert result["probe_max_e2el_ms"] >= result["probe_p99_e2el_ms"] >= result["probe_median_e2el_ms"] >= 60
    assert "probe requests for one token, 10/s beside the load" in " ".join(capsys.readouterr().out.split())
