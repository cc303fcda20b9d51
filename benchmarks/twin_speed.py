"""How fast the twin is, as ratios: `make bench`.

The yardstick is this machine's own speed at the least that any simulation must do: as many callbacks through the
virtual clock as the twin needs requests and passes. Absolute times differ from machine to machine; ratios do less.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from inferbench.catalog.bundled import gpus, models
from inferbench.loadgen.clock import VirtualClock
from inferbench.loadgen.driver import drive_virtual
from inferbench.loadgen.sinks import Discard
from inferbench.runs.sweep import point_plan
from inferbench.scenario.read_scenario import load_scenario
from inferbench.simulator.engine.build import build_twin

REPEATS = 5
CONCURRENCY = 2048


def median_cpu_s(work: Callable[[], int]) -> tuple[float, int]:
    """Median CPU time of a few runs, and what the last one returned."""
    times, result = [], 0
    for _ in range(REPEATS):
        began = time.process_time()
        result = work()
        times.append(time.process_time() - began)
    return sorted(times)[REPEATS // 2], result


def empty_callbacks(n: int) -> float:
    """CPU time of n callbacks that do nothing but ask for the next."""

    def work() -> int:
        clock, left = VirtualClock(), n

        def tick() -> None:
            nonlocal left
            left -= 1
            clock.call_at(clock.now_ns() + 1, tick)

        clock.call_at(0, tick)
        clock.run(lambda: left <= 0)
        return 0

    return median_cpu_s(work)[0]


def main() -> None:
    scenario = load_scenario("deepseek-r1-mi355x-vs-b200")
    model, plan = models()[scenario.model], point_plan(scenario.load, CONCURRENCY)
    print(f"twin, {len(plan):,} requests of 8k/1k at concurrency {CONCURRENCY:,}, one core, median of {REPEATS}")
    for deployment in scenario.deployments:
        topology = max(deployment.topologies, key=lambda t: max(t.concurrency))

        def work(deployment=deployment, topology=topology) -> int:  # type: ignore[no-untyped-def]
            clock = VirtualClock()
            twin = build_twin(model, gpus()[deployment.gpu], deployment, topology, clock)
            drive_virtual(plan, twin, clock, Discard())
            simulated_s = clock.now_ns() / 1e9
            return int(simulated_s)

        cpu_s, simulated_s = median_cpu_s(work)
        yardstick = empty_callbacks(len(plan))
        print(
            f"  {deployment.name:20} {topology.name:18} {len(plan) / cpu_s:10,.0f} requests per CPU-second"
            f"   {simulated_s / cpu_s:8,.0f} x real time   {cpu_s / yardstick:6.1f} x one empty callback per request"
        )


if __name__ == "__main__":
    main()
