#!/usr/bin/env bash
# The `_sum` of a histogram on Ray's metrics page is no sum of what was observed, so a mean made from it is off.
#
# Tool: Ray 2.60.0, `ray.util.metrics.Histogram` (which vLLM and Ray Serve can report through).
# Behaviour: a worker hands bucket counts to its node's agent, which records the middle of the bucket for each observation
#   (and twice the last boundary above it). `_count` and `_bucket` are right; `_sum` is the sum of those middles.
# Why it surprises: `rate(x_sum) / rate(x_count)` is the usual query for a mean, and in Prometheus' own clients `_sum` is
#   exact whatever the buckets. Through Ray the mean can only take values that the choice of buckets allows.
# Seen: 20 observations of 0.12 with boundaries 0.1 and 1.0: count 20, sum 11.0 for 2.4, so a mean of 0.55 for 0.12.
# Date: 2026-12-01
set -euo pipefail

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

python3.11 -m venv "$room/venv"
echo "installing; this takes a few minutes"
timeout 900 "$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile 'ray[default]==2.60.0'

cat >"$room/observe.py" <<'PY'
"""Observe 0.12 twenty times and read the metrics page of the node, for 90 s at most: observe.py FOLDER."""
import socket
import sys
import time
import urllib.request

import ray
from ray.util.metrics import Histogram

VALUE, TIMES, BOUNDARIES = 0.12, 20, [0.1, 1.0]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def page_values(port):
    """The count and the sum of our histogram, as far as the page has them."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
    except OSError:
        return {}
    ours = [line for line in lines if line.startswith("ray_first_token_seconds_")]
    return {end: float(line.split()[-1]) for end in ("count", "sum") for line in ours if f"_{end}{{" in line}


def main():
    port = free_port()
    ray.init(num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1", _metrics_export_port=port,
             _temp_dir=sys.argv[1], log_to_driver=False)
    histogram = Histogram("first_token_seconds", description="time to first token", boundaries=BOUNDARIES)
    for _ in range(TIMES):
        histogram.observe(VALUE)
    values, until = {}, time.monotonic() + 90
    while values.get("count") != TIMES and time.monotonic() < until:
        time.sleep(1)
        values = page_values(port)
    ray.shutdown()
    print(f"observed: count {TIMES}, sum {VALUE * TIMES:.2f}; on the page: {values}")
    if values.get("count") != TIMES:
        sys.exit("no page with all observations: nothing can be said")
    print(f"mean: {VALUE}; from the page: {values['sum'] / values['count']:.3f}")
    if abs(values["sum"] - TIMES * sum(BOUNDARIES) / 2) > 0.01:
        sys.exit("changed: the sum is not made from the middle of the bucket")


main()
PY

export HOME="$room" RAY_USAGE_STATS_ENABLED=0 RAY_metrics_report_interval_ms=1000
timeout 180 "$room/venv/bin/python" "$room/observe.py" "$room/ray" 2>"$room/log" || { tail "$room/log"; exit 1; }
