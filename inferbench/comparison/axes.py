"""What the points of a store can be drawn against: the axes, their units, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis."""

    title: str
    unit: str
    sign: int
    """1: more is better; -1: less is."""

    @property
    def label(self) -> str:
        """Title and unit, as it stands at the axis."""
        return f"{self.title}, {self.unit}"


X_AXES = {
    "interactivity": Axis("interactivity", "tok/s/user", 1),
    "ttft_p50": Axis("TTFT p50", "ms", -1),
    "ttft_p99": Axis("TTFT p99", "ms", -1),
    "e2el_p50": Axis("end-to-end latency p50", "ms", -1),
}
"""By the column of the store's points that holds them."""

Y_AXES = {
    "throughput": Axis("throughput", "tok/s/GPU", 1),
    "cost": Axis("cost", "$ per million tokens", -1),
    "per_mw": Axis("tokens for power", "tok/s per provisioned MW", 1),
    "energy": Axis("provisioned energy", "J per token", -1),
    "gpu_energy": Axis("energy of the GPUs alone", "J per token", -1),
}

TOKENS = {"total": "tput_per_gpu", "output": "output_tput_per_gpu", "input": "input_tput_per_gpu"}
"""Which tokens count, and the column of their throughput; all GPUs are charged to whichever are asked about."""
