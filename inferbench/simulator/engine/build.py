"""Builds the twin of a deployment from the facts about its model, its GPU and its stack."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from typing_extensions import override

from inferbench.catalog.gpu import Gpu
from inferbench.catalog.model import ModelSpec
from inferbench.errors import UsageError
from inferbench.loadgen.port import Clock
from inferbench.scenario.deployment import Deployment, Topology
from inferbench.simulator.engine.cluster import Cluster, Passes, TwinTarget
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.parameters.parameters import StackParameters, TwinParameters, load_parameters
from inferbench.simulator.parameters.software_versions import SoftwareName, VersionPace, pace
from inferbench.simulator.parameters.sourced import Precision
from inferbench.simulator.parameters.stack_options import switched
from inferbench.simulator.timing.all_to_all import Formats, format_change_seconds
from inferbench.simulator.timing.decode_step import DecodeStep
from inferbench.simulator.timing.gpu_memory import kv_token_budget, weight_bytes_per_gpu
from inferbench.simulator.timing.kernels import Rates
from inferbench.simulator.timing.kv_transfer import KvTransfer, kv_bytes_per_token, kv_transfer, links_of
from inferbench.simulator.timing.prefill_step import PrefillPass
from inferbench.simulator.timing.speculative_decoding import PassSampler
from inferbench.simulator.timing.worker_hardware import Hardware, Streaming, class_factor, kind_of
from inferbench.units import NS_PER_MS, NS_PER_S, NS_PER_US

TERA = 1e12
KV_BYTES = {"fp8": 1.0, "bf16": 2.0}
DRAFTS_IN: dict[Precision, Precision] = {"fp4": "bf16"}
"""Precision of the experts of the layer that drafts, where it is another than that of the other layers: NVFP4 and MXFP4
checkpoints of DeepSeek-R1 leave them in BF16 (sgl-project/sglang, pull requests 15353 and 20647, Apache-2.0)."""


def build_twin(
    model: ModelSpec,
    gpu: Gpu,
    deployment: Deployment,
    topology: Topology,
    clock: Clock,
    on_chunk: OnChunk | None = None,
) -> TwinTarget:
    """Return the twin of one topology of a deployment, idle at the clock's present.

    on_chunk: called with (seq, tokens) when each chunk leaves for the client; without it no per-token work is done.
    Raises UsageError where the twin has no constants for the deployment, or where it does not fit the GPUs.
    """
    return TwinTarget(cluster_of(model, gpu, deployment, topology), clock, on_chunk)


def cluster_of(
    model: ModelSpec,
    gpu: Gpu,
    deployment: Deployment,
    topology: Topology,
    parameters: TwinParameters | None = None,
    software: SoftwareName = None,
) -> Cluster:
    """Return how a topology behaves, by `parameters` or else by the parameter file that comes with the twin.

    software: name of earlier software in the parameters; None: today's.
    """
    parameters = parameters or load_parameters()
    aggregated = topology.prefill is None
    constants = parameters.stack(deployment.gpu, deployment.stack.framework, aggregated=aggregated)
    hardware = hardware_of(gpu, deployment, parameters, constants)
    _check(model, deployment, topology, constants, hardware)
    prefill, decode, stack = topology.prefilling, topology.decode, deployment.stack
    earlier = pace(constants.eras.get(deployment.precision, ()), software, kind_of(decode))
    kv_bytes = kv_bytes_per_token(model, hardware.kv_bytes, topology.mtp)
    weights = weight_bytes_per_gpu(model, decode, hardware.dense_bytes, hardware.expert_bytes)
    budget = kv_token_budget(gpu, decode, weights, kv_bytes, parameters.memory.fraction)
    host = parameters.host
    off = switched(parameters.switches, deployment, topology.mtp)
    chunk_seconds = host.chunk_us * NS_PER_US / NS_PER_S * off.chunk_factor
    streaming = Streaming(chunk_seconds, stack.stream_workers, topology.stream_interval)
    step = DecodeStep(
        model,
        hardware,
        decode,
        constants.decode,
        class_factor(constants.decode.class_scale[deployment.precision], decode) * earlier.decode,
        topology.mtp,
        streaming,
        constants.decode.acceptance[deployment.precision],
        constants.decode.padding.get(deployment.precision),
        off,
    )
    return Cluster(
        prefill_workers=prefill.workers,
        prefill=PrefillPass(
            model,
            hardware,
            prefill,
            constants.prefill,
            class_factor(constants.prefill.class_scale[deployment.precision], prefill) * earlier.prefill,
            class_factor(constants.prefill.request_ms[deployment.precision], prefill) * NS_PER_MS / NS_PER_S,
            stack.two_batch_overlap,
            off.overlap_share,
        ),
        max_batch_tokens=prefill.max_batch_tokens,
        links_per_worker=links_of(prefill),
        transfer=_transfer(parameters, deployment, topology, model, gpu, kv_bytes),
        decode_workers=decode.workers,
        decode=step,
        ranks=decode.gpus if decode.dp_attention else 1,
        max_running=decode.max_running or budget,
        kv_tokens=budget,
        passes=_passes(step.acceptance, topology.mtp),
        aggregated=aggregated,
        prefill_ranks=prefill.gpus if prefill.dp_attention else 1,
        handoff_seconds=constants.prefill.handoff_ms * NS_PER_MS / NS_PER_S,
        handoff_passes=constants.prefill.handoff_passes,
        skew=_skew(constants, deployment, topology, earlier),
        tokens_per_pass=step.tokens_per_pass,
        delay_ns=round(host.delay_ms * NS_PER_MS),
        balance_passes=decode.balance_passes if decode.dp_attention else 0,
        stream_interval=topology.stream_interval,
        first_chunk=topology.first_chunk,
    )


def hardware_of(gpu: Gpu, deployment: Deployment, parameters: TwinParameters, constants: StackParameters) -> Hardware:
    """Return what a GPU reaches with a stack. Raises UsageError for a precision that it has no arithmetic for."""
    peaks = {"fp4": gpu.fp4_tflops, "fp8": gpu.fp8_tflops, "bf16": gpu.bf16_tflops}
    peak = peaks[deployment.precision] * TERA
    if not peak:
        raise UsageError(f"twin: {gpu.name} has no {deployment.precision} arithmetic; use fp8 or bf16")
    # FP4 checkpoints of the model quantise the experts; the rest runs in 8 bits.
    dense_bytes, dense_peak = (2.0, gpu.bf16_tflops) if deployment.precision == "bf16" else (1.0, gpu.fp8_tflops)
    p, bandwidth = constants.decode, gpu.hbm_tb_s * TERA
    rates = Rates(
        weight_bytes_s=bandwidth * p.weight_bandwidth_efficiency,
        kv_bytes_s=bandwidth * p.kv_bandwidth_efficiency,
        dense_flops_s=dense_peak * TERA * p.gemm_efficiency,
        expert_flops_s=peak * p.expert_efficiency[deployment.precision],
        attention_flops_s=gpu.fp8_tflops * TERA * p.attention_efficiency,
    )
    drafts = DRAFTS_IN.get(deployment.precision, deployment.precision)
    return Hardware(
        rates=rates,
        draft_rates=replace(rates, expert_flops_s=peaks[drafts] * TERA * p.expert_efficiency[drafts]),
        draft_expert_bytes=constants.expert_bits[drafts] / 8,
        peak_expert_flops_s=peak,
        scale_up_gb_s=gpu.scale_up_gb_s,
        dense_bytes=dense_bytes,
        expert_bytes=constants.expert_bits[deployment.precision] / 8,
        kv_bytes=KV_BYTES[deployment.kv_precision],
        formats=Formats(deployment.stack.dispatch, deployment.stack.combine),
        fitted_formats=Formats(constants.fitted_dispatch, constants.fitted_combine),
        all_to_all=parameters.all_to_all.get(deployment.stack.all_to_all),
    )


def _check(
    model: ModelSpec, deployment: Deployment, topology: Topology, constants: StackParameters, hardware: Hardware
) -> None:
    if topology.mtp and not model.mtp_layers:
        raise UsageError(
            f"twin: topology {topology.name}: {model.name} has no layer to draft tokens with; set mtp to 0"
        )
    if deployment.stack.two_batch_overlap and constants.prefill.all_to_all == "included":
        raise UsageError(
            f"twin: two_batch_overlap is not known for {deployment.gpu} {deployment.stack.framework}: "
            "its fitted prefill holds the all-to-all; set it to false"
        )
    if topology.decode.dp_attention:
        format_change_seconds(hardware.all_to_all, hardware.formats, hardware.fitted_formats, tokens=0)


def _transfer(
    parameters: TwinParameters, deployment: Deployment, topology: Topology, model: ModelSpec, gpu: Gpu, kv_bytes: float
) -> KvTransfer:
    """Time of a prompt's KV transfer: none where it is decoded where it was prefilled."""
    if topology.prefill is None or deployment.stack.kv_transfer is None:
        return KvTransfer(0.0, 0.0)
    backend = parameters.kv_transfer[deployment.stack.kv_transfer]
    return kv_transfer(backend, gpu, model, kv_bytes, topology.prefill, topology.decode)


def _skew(constants: StackParameters, deployment: Deployment, topology: Topology, earlier: VersionPace) -> Real:
    """Median over mean passes: seen with drafts in today's software only, and in medians over several times."""
    own = constants.decode.skew.get(deployment.precision)
    if own is None or not topology.mtp or earlier.dated:
        return 1.0
    return class_factor(own, topology.decode)


class _NotDrawn(Passes):
    """Stands where many parameter sets are evaluated at once, which no event simulation can do."""

    @override
    def passes(self, tokens: int, seed: int) -> int:
        raise TypeError("many parameter sets at once have a steady state, but no events")


def _passes(acceptance: Real, depth: int) -> Passes:
    return _sampler(acceptance, depth) if isinstance(acceptance, float) else _NotDrawn()


@cache
def _sampler(acceptance: float, depth: int) -> PassSampler:
    """Samplers keep tables that grow with the longest output, so topologies of equal depth share one."""
    return PassSampler(acceptance, depth)
