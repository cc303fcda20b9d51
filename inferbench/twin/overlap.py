"""Two-batch overlap of prefill: while one half batch computes, the other half is in its all-to-all."""

from __future__ import annotations


def two_batch_seconds(compute: float, half_all_to_all: float, second_weight_read: float) -> float:
    """Time of a pass run as two half batches.

    compute: time of the whole batch without communication; half_all_to_all: communication of one half, all layers;
    second_weight_read: the expert weights are read once for each half. Form of InferSim (Alibaba, Apache-2.0) with
    communication on copy engines, which take no compute units.
    """
    return 2 * max(compute / 2, half_all_to_all) + second_weight_read


def pass_seconds(
    compute: float, all_to_all: float, half_all_to_all: float, second_weight_read: float, enabled: bool
) -> float:
    """Time of a pass: serial, or overlapped where that is enabled and faster. A short batch is better off serial."""
    serial = compute + all_to_all
    return min(serial, two_batch_seconds(compute, half_all_to_all, second_weight_read)) if enabled else serial
