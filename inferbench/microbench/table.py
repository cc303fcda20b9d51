"""KV transfer backends side by side."""

from __future__ import annotations

from collections.abc import Sequence

from inferbench.microbench.kv_result import KvPoint, KvProbe
from inferbench.numerals import MISSING, significant
from inferbench.render.format import count
from inferbench.render.table import Column, Table


def kv_table(probes: Sequence[KvProbe]) -> Table:
    """A row per shape and direction; for each backend its rate and how long a transfer took."""
    found = [{_shape(point): point for point in probe.points} for probe in probes]
    rows = []
    for shape in dict.fromkeys(shape for points in found for shape in points):
        direction, size, batch, concurrency = shape
        cells = [cell for points in found for cell in _cells(points.get(shape))]
        rows.append((direction, _size(size), count(batch), count(concurrency), *cells))
    columns = [
        Column("direction", align="left"),
        Column("message"),
        Column("batch"),
        Column("at once"),
        *(column for probe in probes for column in _columns(probe)),
    ]
    return Table(title="KV transfer", columns=tuple(columns), rows=tuple(rows), note=_note(probes), keys=4)


def _shape(point: KvPoint) -> tuple[str, int, int, int]:
    return point.direction, point.message_bytes, point.batch, point.concurrency


def _columns(probe: KvProbe) -> tuple[Column, ...]:
    name = probe.backend
    return Column(name, "GB/s"), Column(f"{name} p50", "us"), Column(f"{name} p99", "us", priority=1)


def _cells(point: KvPoint | None) -> tuple[str, str, str]:
    if point is None:
        return MISSING, MISSING, MISSING
    return significant(point.gb_per_s), significant(point.latency_p50_us), significant(point.latency_p99_us)


def _size(size: int) -> str:
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size % factor == 0:
            return f"{size // factor:,} {unit}"
    return f"{size:,} B"


def _note(probes: Sequence[KvProbe]) -> str:
    said = []
    for probe in probes:
        where = "over loopback, which meets no NIC" if probe.loopback else f"from {probe.host} to {probe.peer}"
        said.append(
            f"{probe.backend} {probe.version}, {probe.transport}, {where}; first transfer "
            f"{significant(probe.first_transfer_ms)} ms, {_size(probe.checked_bytes)} checked"
        )
    return (
        "A transfer is a batch of messages; latency is that of a transfer, the rate that of all at once. "
        + "; ".join(said)
        + "."
    )
