"""vLLM's keys by vLLM's formulas, on figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from inferbench.domain.record import Status
from inferbench.domain.records import NEVER, Records, StampedColumn
from inferbench.interop.vllm import VllmHeader, vllm_result

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


def test_details_are_in_seconds() -> None:
    result = vllm_result(made(), HEADER, detailed=True)
    assert result["ttfts"] == pytest.approx([0.1, 0.04])
    assert result["itls"][0] == pytest.approx([0.06, 0.01])
    assert (result["output_lens"], result["errors"]) == ([6, 1], ["", "", "HTTP 500"])


def test_nothing_succeeded_gives_zeros_and_no_crash() -> None:
    records = made()
    none = Records(**{**records.__dict__, "status": np.full(3, Status.TIMEOUT)})
    result = vllm_result(none, HEADER)
    assert (result["completed"], result["mean_ttft_ms"], result["max_concurrent_requests"]) == (0, 0.0, 0)
