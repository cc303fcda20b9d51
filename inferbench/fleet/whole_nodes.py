"""Whole nodes: how many a replica, or a fleet, takes up.

Unpacked, each group of equal workers has nodes of its own, as it is launched: a TP4 prefill worker beside a TP8 decode
worker takes two nodes of 8. Packed, workers of all roles and replicas share nodes. A worker that fits into a node is
never split over two; a larger one takes whole nodes and what is left of it shares one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil

from inferbench.fleet.fleet import WorkerShape


def nodes_apart(shapes: Sequence[WorkerShape], gpus_per_node: int) -> int:
    """Return the nodes of one replica whose worker groups share none."""
    return sum(_group_nodes(shape, gpus_per_node) for shape in shapes)


def nodes_packed(shapes: Sequence[WorkerShape], replicas: int, gpus_per_node: int) -> int:
    """Return the nodes of a fleet whose workers share nodes wherever they fit, the largest placed first.

    Best-fit decreasing: exact where worker sizes divide one another, as powers of two do.
    """
    whole, rests = 0, Counter[int]()
    for shape in shapes:
        full, rest = divmod(shape.gpus, gpus_per_node)
        whole += full * shape.workers * replicas
        if rest:
            rests[rest] += shape.workers * replicas
    return whole + _best_fit(rests, gpus_per_node)


def _group_nodes(shape: WorkerShape, gpus_per_node: int) -> int:
    if shape.gpus <= gpus_per_node:
        return ceil(shape.workers / (gpus_per_node // shape.gpus))
    return shape.workers * ceil(shape.gpus / gpus_per_node)


def _best_fit(sizes: Counter[int], gpus_per_node: int) -> int:
    """Nodes for so many items of each size, none larger than a node. Nodes are counted by the room they have left."""
    rooms: Counter[int] = Counter()
    for size in sorted(sizes.elements(), reverse=True):
        fitting = [room for room, nodes in rooms.items() if nodes and room >= size]
        room = min(fitting, default=gpus_per_node)
        if fitting:
            rooms[room] -= 1
        rooms[room - size] += 1
    return rooms.total()
