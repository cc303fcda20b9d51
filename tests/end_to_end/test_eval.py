"""`inferbench eval gsm8k`: the harness's own grading, against servers whose answers are known."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import inferbench
from inferbench.cli import execute
from inferbench.errors import ExitCode
from inferbench.simulator.server.server_process import start_paced
from inferbench.store.evaluation_files import EVALUATIONS, Evaluation, new_evaluation, write_evaluation
from tests.support.scenarios_for_tests import small_scenario, write_scenario

MODEL = "deepseek-ai/DeepSeek-R1-0528"
QUESTIONS = {
    "A box holds 3 rows of 4 jars. How many jars do 2 boxes hold?": 24,
    "Ana has 1,010 coins and gives 4 away. How many are left?": 1006,
    "A train goes 60 km in an hour. How far does it go in 3 hours?": 180,
    "Six pens cost $9. What does one cost, in cents?": 150,
}
MI355X = ("--deployment", "mi355x-sglang-mori", "--topology", "1p1d-tp8", "--concurrency", "1")


@contextmanager
def serving(answer: Callable[[str], str | None]) -> Iterator[str]:
    """A server that says what `answer` makes of the last question, streamed or not; on None it hangs up."""
    contexts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            listing = {"data": [{"id": MODEL, "owned_by": "sglang"}]}
            info = {"model_path": MODEL, "version": "0.5.12", "tp_size": 8}
            pages = {"/v1/models": listing, "/server_info": info, "/health": {}}
            self._send(200 if self.path in pages else 404, json.dumps(pages.get(self.path, {})))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
            if "prompt" in body:
                asked = body["prompt"] if isinstance(body["prompt"], str) else body["prompt"][0]
            else:
                asked = "\n".join(message["content"] for message in body.get("messages", []))
            contexts.append(asked)
            said = answer(asked.rsplit("Question:", 1)[-1])
            if said is None:
                self.close_connection = True
                return
            if body.get("stream"):
                event = json.dumps({"choices": [{"text": said, "delta": {"content": said}}]})
                self._send(200, f"data: {event}\n\ndata: [DONE]\n\n")
            else:
                message = {"role": "assistant", "content": said}
                self._send(200, json.dumps({"choices": [{"index": 0, "text": said, "message": message}]}))

        def _send(self, status: int, content: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream" if content.startswith("data:") else "application/json")
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()
    for context in contexts:  # a question must never be among its own examples
        asked = re.findall(r"Question: (.*)", context)
        assert len(asked) == len(set(asked))


def right(asked: str) -> str:
    number = next((n for question, n in QUESTIONS.items() if question in asked), 0)
    return f"Let me see: 1 and 2. So it is {number:,}.\n#### {number}"


def wrong_once(asked: str) -> str:
    return "It is 7.\n#### 7" if "train" in asked else right(asked)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    lines = ({"question": question, "answer": f"Worked out.\n#### {n}"} for question, n in QUESTIONS.items())
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return path


def ask(url: str, dataset: Path, store: Path, *more: str) -> int:
    return execute(
        ["eval", "gsm8k", "--base-url", url, "--dataset-file", str(dataset), "--num-fewshot", "2", "--store",
         str(store), "--endpoint", "/v1/completions", "--concurrency", "2", *more]
    )  # fmt: skip


def kept(store: Path) -> list[Evaluation]:
    paths = sorted((store / EVALUATIONS).glob("*/*/evaluation.json"))
    return [Evaluation.model_validate_json(path.read_bytes()) for path in paths]


def test_answers_are_graded_and_stand_beside_the_throughput_of_the_same_launch(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s"
    scenario = small_scenario()
    del scenario["live"]
    path = write_scenario(tmp_path / "small.yaml", scenario)
    with serving(wrong_once) as url:
        measured = ["run", str(path), "--base-url", url, "--store", str(store), *MI355X]
        assert execute(measured) in (ExitCode.OK, ExitCode.INVALID)
        assert "No accuracy result: mi355x-sglang-mori 1p1d-tp8 (launch" in " ".join(capsys.readouterr().out.split())
        assert ask(url, dataset, store) == ExitCode.REGRESSED
        assert "gsm8k FAILED: 75.0% ±25.0%" in " ".join(capsys.readouterr().out.split())
        (run_path,) = store.glob("small/*")
        run = inferbench.open_run(run_path)
        (failed,) = kept(store)
        assert failed.fingerprint == run.manifest.attachments[0].fingerprint
        assert (failed.questions, failed.few_shot, failed.passed) == (4, 2, False)
        assert failed.scores == {"strict-match": 0.75, "flexible-extract": 0.75}
        assert "ACCURACY FAILED" in run.write_report().read_text()
    later = failed.model_copy(update={"min_score": 0.7, "ended_unix": failed.ended_unix + 1})
    write_evaluation(new_evaluation(store, failed.fingerprint), later)
    assert execute(["report", str(run_path), "--format", "json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert [(e["scores"]["flexible-extract"], e["min_score"]) for e in told["evaluations"]] == [(0.75, 0.7)]
    assert not [n for n in told["notices"] if "ccuracy" in n["title"] or "ACCURACY" in n["title"]]
    page = inferbench.open_run(run_path).write_report().read_text()
    assert "gsm8k passed: 75.0%" in page
    assert "ACCURACY FAILED" not in page


def test_relative_paths_mean_what_they_mean_here_to_a_harness_that_works_in_a_folder_of_its_own(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Store, questions, examples and the paths in variables, here on a chat endpoint; a header's value is not kept."""
    lines = (json.dumps({"question": f"{n} + 1?", "answer": f"#### {n + 1}"}) for n in range(3))
    (tmp_path / "examples.jsonl").write_text("\n".join(lines))
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text("print('the hook was found')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"hooks{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    planted = "planted-header-value"
    with serving(lambda asked: f"You sent {planted}. {right(asked)}") as url:
        more = ("--endpoint", "/v1/chat/completions", "--examples-file", "examples.jsonl", "--limit", "2", "--json")
        more = (*more, "--header", f"X-Gateway={planted}")  # the harness writes down how it was asked
        assert ask(url, Path(dataset.name), Path("reports"), *more) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["questions"], told["scores"]) == (2, {"strict-match": 1.0, "flexible-extract": 1.0})
    assert told["dataset"].startswith("questions.jsonl, SHA-256 ")
    (result,) = kept(tmp_path / "reports")
    assert result.score == 1.0
    (folder,) = (tmp_path / "reports" / EVALUATIONS).glob("*/*")
    assert {path.name.split("_")[0] for path in folder.rglob("*.json*")} == {"evaluation.json", "results", "samples"}
    assert "the hook was found" in (folder / "lm-eval.log").read_text()
    written = [path.read_text() for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    assert sum("***" in text for text in written) >= 3
    assert not [text for text in written if planted in text]


def test_a_harness_that_gives_up_is_one_clear_line(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda asked: None if "jars" in asked else right(asked)) as url:
        assert ask(url, dataset, tmp_path / "s") == ExitCode.ENDPOINT
    error = capsys.readouterr().err
    assert "the harness gave up" in error
    assert error.count("\n") == 1
    (log,) = (tmp_path / "s").glob(f"{EVALUATIONS}/*/*/lm-eval.log")
    assert log.stat().st_size > 0
    assert not kept(tmp_path / "s")


def test_the_twin_knows_no_answer(dataset: Path, tmp_path: Path) -> None:
    with start_paced(5, 1, MODEL) as server:
        assert ask(server.url, dataset, tmp_path, "--max-gen-tokens", "8") == ExitCode.REGRESSED
    assert kept(tmp_path)[0].score == 0


def test_a_server_that_is_down_is_one_clear_line(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(right) as url:
        pass
    assert ask(url, dataset, tmp_path / "s") == ExitCode.ENDPOINT
    error = capsys.readouterr().err
    assert f"{url} cannot be reached: Connection refused" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "holds no questions"),
        (["{"], "questions.jsonl:1: not valid JSON"),
        (['{"question": "a", "answer": "#### 1"}', "[1]"], "questions.jsonl:2: must be an object with the texts"),
        (['{"question": "a", "answer": "1"}'], "questions.jsonl:1: the answer must end with `#### ` and the number"),
        (['{"question": "a", "answer": "#### 1"}'], "has only 0 examples to show before a question"),
    ],
)
def test_questions_that_cannot_be_used(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], says: str
) -> None:
    dataset.write_text("\n".join(lines))
    assert ask("http://127.0.0.1:9", dataset, tmp_path / "s") == ExitCode.USAGE
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_what_the_harness_cannot_be_asked(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("http://127.0.0.1:9", dataset, tmp_path, "--endpoint", "/generate") == ExitCode.USAGE
    assert "/v1/completions and /v1/chat/completions" in capsys.readouterr().err
    examples = ["eval", "gsm8k", "--base-url", "http://127.0.0.1:9", "--examples-file", str(dataset)]
    assert execute(examples) == ExitCode.USAGE
    assert "--examples-file goes with --dataset-file" in capsys.readouterr().err
