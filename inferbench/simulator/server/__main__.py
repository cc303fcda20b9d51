"""A server of fixed pace as a process: `python -m inferbench.simulator.server --ttft-ms 200 --tpot-ms 50`."""

from __future__ import annotations

import argparse
import json
import sys

from inferbench.loadgen.port import Clock, Target
from inferbench.processes.child import exit_code
from inferbench.simulator.engine.streaming import OnChunk
from inferbench.simulator.server.fixed_pace import FixedPace
from inferbench.simulator.server.identity import Served
from inferbench.simulator.server.server import serve, whole
from inferbench.units import NS_PER_MS


def main() -> int:
    """Serve until SIGTERM or SIGINT. Prints the URL as one JSON line when ready."""
    parser = argparse.ArgumentParser(prog="python -m inferbench.simulator.server", description=__doc__)
    parser.add_argument("--ttft-ms", type=float, default=200, help="time to the first token")
    parser.add_argument("--tpot-ms", type=float, default=50, help="time per further token")
    parser.add_argument("--model", default="paced", help="model name to serve under")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    options = parser.parse_args()

    def make_target(clock: Clock, on_chunk: OnChunk) -> Target:
        ttft_ns, tpot_ns = int(options.ttft_ms * NS_PER_MS), int(options.tpot_ms * NS_PER_MS)
        return FixedPace(ttft_ns, tpot_ns, clock, on_chunk, grain_ns=NS_PER_MS)

    def announce(url: str) -> None:
        print(json.dumps({"url": url}), flush=True)

    return exit_code(lambda: serve(whole(make_target), Served(options.model), "127.0.0.1", options.port, announce))


if __name__ == "__main__":
    sys.exit(main())
