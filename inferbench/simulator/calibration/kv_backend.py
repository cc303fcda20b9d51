"""A KV transfer backend's constants out of a probe of the machine in question, in the place of published ones."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from inferbench.catalog.gpu import Gpu
from inferbench.errors import FieldName, FileError, UsageError
from inferbench.files.yaml_values import read_text, read_value, write_text
from inferbench.microbench.kv_result import KvProbe
from inferbench.simulator.parameters.parameters import KvTransferParameters, TwinParameters


def kv_parameters(probe: KvProbe, gpu: Gpu, before: KvTransferParameters) -> KvTransferParameters:
    """Return a backend's constants as the probe found them; the handshake, which it cannot see, stays as it was.

    The time of one transfer at a time is `fixed + messages * cost + bytes / rate`, fitted to all sizes and batches
    with equal relative weight and no negative term; the cost of a message is the software's for a layer. The share of
    the NIC is the best rate of all writes over what the NIC of `gpu` can do. Raises UsageError for a probe over
    loopback, which has met no NIC, and for one of fewer than three shapes.
    """
    if probe.loopback:
        raise UsageError(
            "the probe was made over loopback: it says nothing of a NIC; use ", FieldName("listen"), " and ",
            FieldName("peer"),
        )  # fmt: skip
    writes = [point for point in probe.points if point.direction == "write"]
    alone = [point for point in writes if point.concurrency == 1]
    if len(alone) < 3:
        raise UsageError("a fit needs writes of at least three shapes, one transfer at a time")
    took_us = np.array([point.latency_p50_us for point in alone])
    terms = np.array([[1.0, point.batch, point.batch * point.message_bytes] for point in alone])
    (_, message_us, _), _ = nnls(terms / took_us[:, None], np.ones(len(alone)))
    best = max(point.gb_per_s for point in writes)
    day = datetime.datetime.fromtimestamp(probe.measured_unix, datetime.UTC).date()
    return KvTransferParameters(
        source=f"inferbench probe kv, {probe.backend} {probe.version} over {probe.transport}, {probe.host} to "
        f"{probe.peer}, {day}; handshake not probed",
        how="measured",
        nic_efficiency=min(1.0, best / gpu.nic_gb_s),
        handshake_ms=before.handshake_ms,
        software_us_per_layer=float(message_us),
    )


def calibrate_kv(probe: KvProbe, gpu: Gpu, path: Path) -> KvTransferParameters:
    """Put a probe's constants into a parameter file and return them. Raises FileError where it has no such block."""
    found = kv_parameters(probe, gpu, read_value(path, TwinParameters).kv_transfer[probe.backend])
    text = read_text(path)
    block = re.compile(rf"(^kv_transfer:\n(?:(?:  .*)?\n)*?  {re.escape(probe.backend)}:\n)((?:    .*\n)+)", re.M)
    values = {
        "source": json.dumps(found.source),
        "how": found.how,
        "nic_efficiency": f"{found.nic_efficiency:.4g}",
        "handshake_ms": f"{found.handshake_ms:g}",
        "software_us_per_layer": f"{found.software_us_per_layer:.4g}",
    }
    lines = "".join(f"    {key}: {value}\n" for key, value in values.items())
    text, replaced = block.subn(lambda match: match[1] + lines, text)
    if not replaced:
        raise FileError(f"{path}: has no block kv_transfer.{probe.backend}")
    write_text(path, text)
    return found
