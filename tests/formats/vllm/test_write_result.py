"""vLLM's keys by vLLM's formulas, on figures worked by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from inferbench.arrays import NEVER
from inferbench.formats.vllm.write_result import METRICS, VllmHeader, vllm_result
from inferbench.records.columns import Records, StampedColumn
from inferbench.records.request_record import Status
from tests.support.measured_data import measured

MS = 1_000_000
HEADER = VllmHeader("20260101-000000", "openai", "org/model", 3, float("inf"), 1.0, 2, 1.0, 2.0, "l", {"note": "x"})


def made() -> Records:
    """Two good requests, one failed. The first has chunks of 2, 3 and 1 tokens, the second one of 1."""
    column = StampedColumn(np.array([0, 3, 4, 4]), np.array([110, 170, 180, 60]) * MS, np.array([2, 3, 1, 1]))
    n, never = 3, np.full(3, NEVER)
    sent = np.array([10, 20, 30]) * MS
    return Records(
        seq=np.arange(n), status=np.array([Status.OK, Status.OK, Status.ERROR]), isl=np.array([100, 50, 70]),
        osl=np.array([6, 1, 0]), osl_source=np.zeros(n, dtype=np.int64), planned_ns=never, slot_free_ns=sent,
        connect_ns=never, sent_ns=sent, first_byte_ns=never, end_ns=np.array([180, 60, 210]) * MS, answer_ns=never,
        first_late_ns=never,
        last_late_ns=never, cached_tokens=never, accepted_tokens=never, attempts=np.ones(n, dtype=np.int64),
        client_worker=np.zeros(n, dtype=np.int64), chunks=column,
        errors=[None, None, "HTTP 500"],
    )  # fmt: skip


def test_scalars_by_hand() -> None:
    result = vllm_result(made(), HEADER, percentile_metrics=("ttft", "tpot", "itl", "e2el"), percentiles=(50, 99.9))
    assert result["duration"] == pytest.approx(0.2)  # from the first start to the last end, failures included
    assert (result["completed"], result["failed"]) == (2, 1)
    assert (result["total_input_tokens"], result["total_output_tokens"]) == (150, 7)
    assert result["output_throughput"] == pytest.approx(7 / 0.2)
    assert result["total_token_throughput"] == pytest.approx(157 / 0.2)
    assert result["mean_ttft_ms"] == pytest.approx((100 + 40) / 2)
    assert result["mean_e2el_ms"] == pytest.approx((170 + 40) / 2)
    # (latency - ttft) / (n - 1) = 70 / 5, and requests of one token have none.
    assert result["mean_tpot_ms"] == pytest.approx(14)
    # Gaps between chunks, whatever they hold: 60 and 10.
    assert result["mean_itl_ms"] == pytest.approx(35)
    assert result["std_itl_ms"] == pytest.approx(25)
    assert result["p50_ttft_ms"] == pytest.approx(70)
    assert "p99.9_itl_ms" in result
    assert result["max_output_tokens_per_s"] == 7
    assert result["max_concurrent_requests"] == 2
    assert (result["request_rate"], result["note"], result["label"]) == ("inf", "x", "l")


def test_details_line_up_over_all_planned_requests_in_their_order() -> None:
    """Five were planned: the third failed after two chunks, the fourth was never sent; they ended out of order."""
    records = made()
    column = StampedColumn(
        np.array([0, 3, 4, 6]), np.array([110, 170, 180, 60, 150, 190]) * MS, np.array([2, 3, 1, 1, 1, 1])
    )
    moved = {"seq": np.array([4, 0, 2]), "chunks": column, "planned_ns": np.array([2, 20, 25]) * MS}
    result = vllm_result(Records(**{**records.__dict__, **moved}), replace(HEADER, num_prompts=5), detailed=True)
    assert (result["num_prompts"], result["completed"], result["failed"]) == (5, 2, 1)
    assert result["input_lens"] == [50, 0, 70, 0, 100]
    assert result["output_lens"] == [1, 0, 0, 0, 6]
    assert result["ttfts"] == pytest.approx([0.04, 0, 0.12, 0, 0.1])
    assert [pytest.approx(gaps) for gaps in result["itls"]] == [[], [], [0.04], [], [0.06, 0.01]]
    assert result["latencies"] == pytest.approx([0.04, 0, 0, 0, 0.17])
    assert result["start_times"] == pytest.approx([0.02, 0, 0.03, 0, 0.01])
    assert result["queue_times"] == pytest.approx([0, 0, 0.005, 0, 0.008])
    unsent = "not sent: the run was stopped before"
    assert result["errors"] == ["", unsent, "HTTP 500", unsent, ""]


def test_in_a_closed_loop_requests_wait_from_the_beginning_and_turns_from_their_slot() -> None:
    assert vllm_result(made(), HEADER)["queue_times"] == pytest.approx([0.01, 0.02, 0.03])
    assert vllm_result(made(), replace(HEADER, sessions=True))["queue_times"] == [0, 0, 0]


def test_the_load_is_told_as_vllm_tells_it() -> None:
    result = vllm_result(made(), replace(HEADER, good_requests=1, ramp=("linear", 2.0, 8.0)))
    assert result["request_goodput"] == pytest.approx(1 / 0.2)
    assert [result[f"ramp_up_{key}"] for key in ("strategy", "start_rps", "end_rps")] == ["linear", 2, 8]
    rate = vllm_result(made(), replace(HEADER, request_rate=4.0))
    assert (rate["request_rate"], rate["request_goodput"]) == (4.0, None)
    assert "ramp_up_strategy" not in rate


@pytest.mark.parametrize("name", ["plain", "errors", "si10"])
def test_no_key_of_a_file_that_vllm_wrote_is_missing(name: str) -> None:
    theirs = json.loads(measured(f"peer-outputs/vllm-bench/{name}.json").read_bytes())
    ours = vllm_result(made(), HEADER, percentile_metrics=METRICS, detailed=True)
    assert set(theirs) - set(ours) == {"generated_texts"}
    assert {key for key, value in theirs.items() if isinstance(value, list)} - {"generated_texts"} == {
        key for key, value in ours.items() if isinstance(value, list)
    }


def test_no_key_of_a_file_without_details_is_missing() -> None:
    theirs = json.loads(measured("peer-outputs/vllm-bench/rate4-nodetail.json").read_bytes())
    assert set(theirs) <= set(vllm_result(made(), HEADER, percentile_metrics=METRICS))


def test_the_most_in_flight_is_that_of_one_instant() -> None:
    """Two that follow each other within a second, where vLLM 0.33.0 says 2."""
    records = made()
    sent = np.array([10, 180, 30]) * MS
    column = StampedColumn(np.array([0, 3, 4, 4]), np.array([110, 170, 180, 260]) * MS, np.array([2, 3, 1, 1]))
    result = vllm_result(Records(**{**records.__dict__, "sent_ns": sent, "chunks": column}), HEADER)
    assert result["max_concurrent_requests"] == 1


def test_nothing_succeeded_gives_zeros_and_no_crash() -> None:
    records = made()
    none = Records(**{**records.__dict__, "status": np.full(3, Status.TIMEOUT)})
    result = vllm_result(none, HEADER)
    assert (result["completed"], result["mean_ttft_ms"], result["max_concurrent_requests"]) == (0, 0.0, 0)
