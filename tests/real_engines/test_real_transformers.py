"""`transformers serve`: no [DONE], no list of models, an error for a field that it does not know, no counters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_model import write_model
from measuring import PATHS, exact, load, measure
from real_table import RealTable, Row
from started import environment, free_ports, started, version

from inferbench.records.request_record import CountSource, Status
from inferbench.testing.tiny_llama import SMALL

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"), SMALL)


@pytest.fixture(scope="module")
def serving(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [
        environment("transformers") / "transformers", "serve", model, "--host", "127.0.0.1", "--port", port,
        "--device", "cpu",
    ]  # fmt: skip
    with started(command, f"{url}/openapi.json", tmp_path_factory.mktemp("log") / "serve.log"):
        yield url


@pytest.mark.parametrize("path", PATHS)
def test_answers_without_done_are_whole_and_their_events_are_the_tokens_that_it_counted(
    serving: str, model: Path, tmp_path: Path, path: str, real_table: RealTable
) -> None:
    asked = load(24, streams=4, prompts=exact(model), ignore_eos=False)
    done = measure(serving, asked, tmp_path, path=path, model=str(model))
    records, (plan, _) = done.records(), asked.plan(f"c{asked.concurrency}")
    order = np.argsort(records.seq)
    assert done.summary.counts.ok == 24
    # It has no counters: its own `usage`, the plan, and the events that came are three counts of the same tokens.
    assert set(records.osl_source) == {CountSource.SERVER}
    assert (records.osl[order] == plan.osl).all()
    events = sum(len(records.chunks.expand(row)[0]) for row in range(24))
    assert events == records.osl.sum()
    tokens = f"{events:,} events / {records.osl.sum():,} out"
    real_table.add(
        Row(
            f"transformers serve, {path}",
            version("transformers", "transformers serve"),
            "24 of 24",
            tokens,
            "no [DONE]",
        )
    )


def test_a_field_that_it_does_not_know_is_an_error_in_its_words(
    serving: str, model: Path, tmp_path: Path, real_table: RealTable
) -> None:
    done = measure(serving, load(4, streams=2, prompts=exact(model)), tmp_path, model=str(model))
    records = done.records()
    assert set(records.status) == {Status.ERROR}
    assert all(error.startswith("HTTP 422") and "ignore_eos" in error for error in records.errors)
    real_table.add(
        Row(
            "transformers serve, `ignore_eos` sent", version("transformers", "transformers serve"), "4 error of 4", "-",
            f"`{records.errors[0][:90]}`",
        )
    )  # fmt: skip


def test_requests_given_up_are_timeouts_and_the_next_are_served(serving: str, model: Path, tmp_path: Path) -> None:
    asked = load(2, streams=2, osl=4000, prompts=exact(model), ignore_eos=False)
    done = measure(serving, asked, tmp_path, model=str(model), timeout_s=0.5)
    assert set(done.records().status) == {Status.TIMEOUT}
    again = load(4, streams=2, prompts=exact(model), ignore_eos=False)
    assert measure(serving, again, tmp_path, model=str(model)).summary.counts.ok == 4
