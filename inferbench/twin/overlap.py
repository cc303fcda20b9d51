"""Two-batch overlap of prefill: while one half batch computes, the other half is in its all-to-all."""

from __future__ import annotations

from .kernels import Real, larger


def two_batch_seconds(compute: Real, half_all_to_all: Real, second_weight_read: Real) -> Real:
    """Time of a pass run as two half batches.

    compute: time of the whole batch without communication; half_all_to_all: communication of one half, all layers;
    second_weight_read: the expert weights are read once for each half. Form of InferSim (Alibaba, Apache-2.0) with
    communication on copy engines, which take no compute units.
    """
    return 2 * larger(compute / 2, half_all_to_all) + second_weight_read


def pass_seconds(
    compute: Real, all_to_all: Real, half_all_to_all: Real, second_weight_read: Real, enabled: bool
) -> Real:
    """Time of a pass: serial, or overlapped where that is enabled and faster. A short batch is better off serial."""
    serial = compute + all_to_all
    if not enabled:
        return serial
    return -larger(-serial, -two_batch_seconds(compute, half_all_to_all, second_weight_read))
