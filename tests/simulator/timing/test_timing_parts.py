"""Memory, overlap and host streaming."""

import pytest

from inferbench.errors import UsageError
from inferbench.scenario.deployment import WorkerGroup
from inferbench.simulator.timing.decode_step import streaming_floor_seconds
from inferbench.simulator.timing.gpu_memory import kv_token_budget, weight_bytes_per_gpu
from inferbench.simulator.timing.prefill_step import pass_seconds, two_batch_seconds
from tests.support.twin_factories import GPUS, MODEL

TP8 = WorkerGroup(workers=1, gpus=8, tp=8)
DEP8 = WorkerGroup(workers=1, gpus=8, tp=8, ep=8, dp_attention=True)


def test_weights_of_all_gpus_hold_the_model() -> None:
    total = 8 * weight_bytes_per_gpu(MODEL, TP8, 1, 1)
    # MLA's down-projections are on each GPU, and the shared expert stands for the larger dense layers.
    assert total == pytest.approx(MODEL.total_params_b * 1e9, rel=0.02)


def test_dp_attention_keeps_whole_attention_weights() -> None:
    assert weight_bytes_per_gpu(MODEL, DEP8, 1, 0.5) > weight_bytes_per_gpu(MODEL, TP8, 1, 0.5)


def test_kv_budget_is_what_the_weights_leave() -> None:
    gpu = GPUS["mi355x"]
    assert kv_token_budget(gpu, TP8, 100e9, 35_136, 0.5) == int(44e9 / 35_136)
    assert kv_token_budget(gpu, DEP8, 100e9, 35_136, 0.5) == 8 * int(44e9 / 35_136)


def test_weights_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(UsageError, match=r"weights take 500 GB per GPU of the 144 GB.*more GPUs per worker"):
        kv_token_budget(GPUS["mi355x"], TP8, 500e9, 35_136, 0.5)


def test_overlap_hides_communication_behind_compute() -> None:
    assert two_batch_seconds(1.0, 0.2, 0.0) == 1.0
    assert two_batch_seconds(1.0, 0.7, 0.0) == pytest.approx(1.4)


def test_kernels_that_move_the_overlap_take_compute_units_from_it() -> None:
    # A quarter of the compute units for as long as the communication takes: 0.4 s beside it does 0.3 s of work.
    assert two_batch_seconds(1.0, 0.4, 0.0, compute_unit_share=0.25) == pytest.approx(2 * (0.4 + 0.2))
    # Work that is done long before the communication waits for that alone, whoever moves it.
    assert two_batch_seconds(0.2, 0.7, 0.0, compute_unit_share=0.25) == pytest.approx(1.4)


def test_overlap_is_chosen_only_where_it_wins() -> None:
    assert pass_seconds(1.0, 0.3, 0.15, 0.1, enabled=True) == pytest.approx(1.1)
    assert pass_seconds(1.0, 0.05, 0.03, 0.1, enabled=True) == pytest.approx(1.05)
    assert pass_seconds(1.0, 0.3, 0.15, 0.1, enabled=False) == pytest.approx(1.3)


def test_streaming_floor_is_chunks_over_workers() -> None:
    assert streaming_floor_seconds(1000, 2.0, 60e-6, workers=4, stream_interval=100) == pytest.approx(20 * 60e-6 / 4)


def test_a_pass_causes_at_most_one_chunk_per_request() -> None:
    assert streaming_floor_seconds(1000, 2.5, 60e-6, workers=1, stream_interval=1) == pytest.approx(0.06)
