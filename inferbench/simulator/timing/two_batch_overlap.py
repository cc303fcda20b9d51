"""Two-batch overlap of prefill: while one half batch computes, the other half is in its all-to-all."""

from __future__ import annotations

from inferbench.simulator.parameters.numbers import Real
from inferbench.simulator.timing.kernels import larger


def two_batch_seconds(
    compute: Real, half_all_to_all: Real, second_weight_read: Real, compute_unit_share: float = 0.0
) -> Real:
    """Time of a pass run as two half batches.

    compute: time of the whole batch without communication; half_all_to_all: communication of one half, all layers;
    second_weight_read: the expert weights are read once for each half; compute_unit_share: what the communication
    takes from the computation beside it, 0 where copy engines move the bytes. Form of InferSim (Alibaba, Apache-2.0).
    A half's computation of c beside a communication of m takes c + share x m: it runs at 1 - share meanwhile.
    """
    half = compute / 2 + compute_unit_share * half_all_to_all
    return 2 * larger(half, half_all_to_all) + second_weight_read


def pass_seconds(
    compute: Real,
    all_to_all: Real,
    half_all_to_all: Real,
    second_weight_read: Real,
    enabled: bool,
    compute_unit_share: float = 0.0,
) -> Real:
    """Time of a pass: serial, or overlapped where that is enabled and faster. A short batch is better off serial."""
    serial = compute + all_to_all
    if not enabled:
        return serial
    overlapped = two_batch_seconds(compute, half_all_to_all, second_weight_read, compute_unit_share)
    return -larger(-serial, -overlapped)
