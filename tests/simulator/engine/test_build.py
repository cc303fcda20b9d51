import statistics
from dataclasses import replace
from typing import Any

import pytest

from inferbench.catalog.gpu import Gpu
from inferbench.errors import UsageError
from inferbench.loadgen.clock import VirtualClock
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.simulator.engine.build import build_twin, cluster_of
from inferbench.simulator.timing.decode_step import DecodeStep
from inferbench.simulator.timing.prefill_step import PrefillPass
from inferbench.simulator.timing.worker_hardware import Streaming
from inferbench.workload.plan import Plan
from tests.support.twin_factories import GPUS, MODEL, SCENARIO, deployment, drive, plan, topology, tpot_s, ttft_s

EVERY = [(d, t) for d in SCENARIO.deployments for t in d.topologies]
NAMES = [f"{d.name}.{t.name}" for d, t in EVERY]
LOAD = plan(48, 16, isl=(6553, 8192), osl=(819, 1024))
LONE_CLIENT = plan(5, 1, isl=(6553, 8192), osl=(819, 1024))


def medians(gpu: Gpu, of: Deployment, top: Topology, load: Plan = LOAD) -> tuple[float, float]:
    records, _ = drive(cluster_of(MODEL, gpu, of, top), load)
    return statistics.median(map(ttft_s, records)), statistics.median(map(tpot_s, records))


def faster(gpu: Gpu, **factors: float) -> Gpu:
    return gpu.model_copy(update={name: getattr(gpu, name) * factor for name, factor in factors.items()})


@pytest.mark.parametrize(("of", "top"), EVERY, ids=NAMES)
def test_every_topology_of_the_scenario_serves(of: Deployment, top: Topology) -> None:
    ttft, tpot = medians(GPUS[of.gpu], of, top)
    assert 0.02 < ttft < 60
    assert 0.002 < tpot < 0.1


@pytest.mark.parametrize(("of", "top"), EVERY, ids=NAMES)
def test_faster_parts_never_slow_a_deployment_down(of: Deployment, top: Topology) -> None:
    # For a lone client: under load a faster NIC shifts arrivals, and prompts may then fall into other passes.
    gpu = GPUS[of.gpu]
    ttft, tpot = medians(gpu, of, top, LONE_CLIENT)
    ttft_memory, tpot_memory = medians(faster(gpu, hbm_tb_s=2), of, top, LONE_CLIENT)
    ttft_nic, tpot_nic = medians(faster(gpu, nic_gb_s=2), of, top, LONE_CLIENT)
    assert ttft_memory <= ttft
    assert tpot_memory < tpot
    assert ttft_nic < ttft
    assert tpot_nic == pytest.approx(tpot)


@pytest.mark.parametrize(("of", "top"), EVERY, ids=NAMES)
@pytest.mark.parametrize("batch", [1, 8, 256])
def test_a_pass_is_never_faster_than_reading_the_weights(of: Deployment, top: Topology, batch: int) -> None:
    gpu = GPUS[of.gpu]
    step = cluster_of(MODEL, gpu, of, top).decode
    assert isinstance(step, DecodeStep)
    # What one request cannot do without: 8 experts per layer spread over the worker, and the projections of MLA.
    experts = 58 * 8 * 3 * 7168 * 2048 * 0.5 / top.decode.gpus
    projections = 61 * 187e6 / top.decode.gpus
    assert step.seconds(batch, batch, batch * 8192.0) > (experts + projections) / (gpu.hbm_tb_s * 1e12)


def test_a_pass_grows_with_batch_and_context() -> None:
    step = cluster_of(MODEL, GPUS["mi355x"], deployment(), topology("1p1d-dep8")).decode
    assert isinstance(step, DecodeStep)
    batches = [step.seconds(b, 8 * b, 8 * b * 8192.0) for b in (1, 2, 8, 32, 64)]
    assert batches == sorted(batches)
    assert step.seconds(8, 64, 64 * 8192.0) < step.seconds(8, 64, 64 * 16384.0)
    assert step.seconds(8, 64, 64 * 8192.0) < step.seconds(16, 64, 64 * 8192.0)


def decode_step(name: str, gpu: Gpu | None = None) -> DecodeStep:
    step = cluster_of(MODEL, gpu or GPUS["mi355x"], deployment(), topology(name)).decode
    assert isinstance(step, DecodeStep)
    return step


def test_a_rank_reads_only_its_own_context() -> None:
    """An eighth of the requests on the fullest rank is an eighth of the context; under TP every rank reads it all."""
    apart, together = decode_step("1p1d-dep8"), decode_step("1p1d-tp8")
    assert apart.coefficients(8, 64).per_context_token == pytest.approx(
        apart.coefficients(64, 64).per_context_token / 8
    )
    assert together.coefficients(8, 64).per_context_token == together.coefficients(64, 64).per_context_token


def test_the_all_to_all_cannot_beat_its_fabric() -> None:
    fast, slow = (
        decode_step("1p1d-dep8", faster(GPUS["mi355x"], scale_up_gb_s=factor)).coefficients(64, 512).fixed
        for factor in (1, 0.001)
    )
    assert slow > 2 * fast


def test_the_all_to_all_costs_twice_beyond_8_gpus() -> None:
    def fixed(gpus: int, slope: float) -> float:
        step = decode_step("1p1d-dep8")
        group = step.group.model_copy(update={"gpus": gpus, "ep": gpus, "tp": gpus})
        parameters = step.parameters.model_copy(update={"all_to_all_us_per_token": slope})
        return replace(step, group=group, parameters=parameters).coefficients(64, 512).fixed

    assert fixed(16, 20) - fixed(16, 10) == pytest.approx(2 * (fixed(8, 20) - fixed(8, 10)))


def test_a_pass_is_not_shorter_than_its_chunks_take() -> None:
    step = replace(decode_step("1p1d-tp8"), streaming=Streaming(chunk_seconds=1.0, workers=2, interval=1))
    assert step.seconds(10, 10, 0.0) == 5.0


def test_a_draft_makes_a_pass_longer_and_an_output_faster() -> None:
    plain, drafting = topology(mtp=0), topology(mtp=2)
    steps = [cluster_of(MODEL, GPUS["mi355x"], deployment(), top).decode for top in (plain, drafting)]
    assert steps[0].coefficients(8, 8).fixed < steps[1].coefficients(8, 8).fixed
    assert medians(GPUS["mi355x"], deployment(), drafting)[1] < medians(GPUS["mi355x"], deployment(), plain)[1]


def test_wider_formats_make_a_pass_longer() -> None:
    top = topology("1p1d-dep8")
    narrow, wide = (
        cluster_of(MODEL, GPUS["mi355x"], deployment(dispatch=d, combine=c), top).decode.coefficients(512, 4096).fixed
        for d, c in (("fp4", "fp8-blockwise"), ("bf16", "bf16"))
    )
    assert narrow < wide


def test_overlap_speeds_long_prefill_passes_up() -> None:
    top = topology("1p1d-dep8")
    on, off = (
        cluster_of(MODEL, GPUS["mi355x"], deployment(two_batch_overlap=enabled), top).prefill
        for enabled in (True, False)
    )
    assert isinstance(on, PrefillPass)
    assert on.seconds(65536, 8 * 8192**2, 8) < off.seconds(65536, 8 * 8192**2, 8)
    assert on.seconds(64, 64**2, 1) == off.seconds(64, 64**2, 1)


def test_a_slow_streaming_server_bounds_the_pass() -> None:
    top = topology("2p1d-dep8", stream_interval=1)
    step = cluster_of(MODEL, GPUS["mi355x"], deployment(stream_workers=1), top).decode
    assert step.coefficients(256, 2048).floor == pytest.approx(2048 * 60e-6)


def test_kv_memory_bounds_a_worker_without_a_cap() -> None:
    top = topology()
    open_ended = top.model_copy(update={"decode": top.decode.model_copy(update={"max_running": None})})
    small = GPUS["mi355x"].model_copy(update={"hbm_gb": 100})
    assert (
        cluster_of(MODEL, small, deployment(), open_ended).kv_tokens
        < cluster_of(MODEL, GPUS["mi355x"], deployment(), open_ended).kv_tokens
    )
    assert cluster_of(MODEL, GPUS["mi355x"], deployment(), top).max_running == 128


@pytest.mark.parametrize(
    ("of", "change", "message"),
    [
        ("mi355x-sglang-mori", {"framework": "dynamo-trtllm"}, "unknown GPU and framework 'mi355x dynamo-trtllm'"),
        ("b200-trtllm", {"two_batch_overlap": True}, "set it to false"),
        ("b200-trtllm", {"dispatch": "bf16"}, "use fp4 with fp8-direct"),
    ],
)
def test_a_stack_without_constants_is_refused(of: str, change: dict[str, Any], message: str) -> None:
    own = deployment(of, **change)
    with pytest.raises(UsageError, match=message):
        build_twin(MODEL, GPUS[own.gpu], own, own.topologies[-1], VirtualClock())


def test_a_model_without_draft_layers_cannot_draft() -> None:
    plain = MODEL.model_copy(update={"mtp_layers": 0})
    with pytest.raises(UsageError, match="set mtp to 0"):
        build_twin(plain, GPUS["mi355x"], deployment(), topology(), VirtualClock())


def test_a_gpu_without_4_bit_arithmetic_is_refused() -> None:
    old = GPUS["mi355x"].model_copy(update={"fp4_tflops": 0})
    with pytest.raises(UsageError, match="no fp4 arithmetic"):
        build_twin(MODEL, old, deployment(), topology(), VirtualClock())
