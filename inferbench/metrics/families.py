"""Which metrics of the catalogue go where, in their order: one line for each place that shows or judges several."""

from __future__ import annotations

from inferbench.metrics import catalog
from inferbench.metrics.metric import CostMetric, DistributionMetric, ScalarMetric

LATENCIES: tuple[DistributionMetric, ...] = (catalog.TTFT, catalog.TPOT, catalog.ITL, catalog.E2EL)
"""The latencies that every table of one point, data frame, importer and exporter has."""
OF_ONE_REQUEST: tuple[DistributionMetric, ...] = (catalog.TTFT, catalog.TPOT, catalog.E2EL)
"""Latencies that a single request has one of: what a clause of a goodput SLO may limit."""
OF_A_POINT: tuple[DistributionMetric, ...] = (catalog.TTFT, catalog.TPOT)
"""Latencies that an SLO limits over the requests of a sweep point, and that a server of known pace is held to."""

RATES: tuple[ScalarMetric, ...] = (
    catalog.SECONDS,
    catalog.REQUEST_TPUT,
    catalog.INPUT_TPUT,
    catalog.OUTPUT_TPUT,
    catalog.TOTAL_TPUT,
    catalog.TPUT_PER_GPU,
    catalog.IN_FLIGHT_MEAN,
)
"""The figures above the latencies in the table of one point."""
ENERGY: tuple[ScalarMetric, ...] = (
    catalog.JOULES_PER_OUTPUT_TOKEN,
    catalog.JOULES_PER_TOTAL_TOKEN,
    catalog.MEAN_POWER_W_PER_GPU,
)

TPOT_P50, TPOT_P99 = catalog.TPOT.at("p50"), catalog.TPOT.at("p99")
TTFT_P50, TTFT_P99 = catalog.TTFT.at("p50"), catalog.TTFT.at("p99")
E2EL_P50 = catalog.E2EL.at("p50")

HEADLINE_LATENCIES: tuple[ScalarMetric, ...] = (TPOT_P50, TTFT_P50, TTFT_P99, E2EL_P50)
COMPARED: tuple[ScalarMetric, ...] = (catalog.TPUT_PER_GPU, catalog.OUTPUT_TPUT, *HEADLINE_LATENCIES)
"""What `compare` sets side by side."""
LISTED: tuple[ScalarMetric, ...] = (catalog.OUTPUT_TPUT_PER_GPU, *HEADLINE_LATENCIES)
"""What `runs show` prints of each sweep point."""
INDEXED: tuple[ScalarMetric, ...] = (
    catalog.OUTPUT_TPUT_PER_GPU,
    catalog.INPUT_TPUT_PER_GPU,
    catalog.TPUT_PER_GPU,
    catalog.INTERACTIVITY,
    *HEADLINE_LATENCIES,
)
"""Columns of a store's index, over the whole run."""
INDEXED_ENERGY: tuple[ScalarMetric, ...] = (catalog.JOULES_PER_TOTAL_TOKEN, catalog.JOULES_PER_OUTPUT_TOKEN)
SIDEWAYS: tuple[ScalarMetric, ...] = (catalog.INTERACTIVITY, TTFT_P50, TTFT_P99, E2EL_P50)
"""What the points of a store can be drawn against."""
REPEATED: tuple[ScalarMetric, ...] = (
    catalog.OUTPUT_TPUT,
    catalog.TOTAL_TPUT,
    catalog.REQUEST_TPUT,
    TTFT_P50,
    TTFT_P99,
    TPOT_P50,
    TPOT_P99,
    catalog.GOODPUT,
)
"""What repeats of one load are summed up in."""
REGRESSION: tuple[ScalarMetric, ...] = (catalog.OUTPUT_TPUT_PER_GPU, TPOT_P50, TTFT_P99)
"""The tested family of a regression gate. It is small, since every member costs all others power."""
COSTS: tuple[CostMetric, ...] = (
    catalog.USD_PER_MTOK_INPUT,
    catalog.USD_PER_MTOK_OUTPUT,
    catalog.USD_PER_MTOK_INPUT_ROLE,
    catalog.USD_PER_MTOK_OUTPUT_ROLE,
    catalog.USD_PER_MTOK_BLENDED,
    catalog.USD_PER_MTOK_GOODPUT,
    catalog.USD_PER_REQUEST,
    catalog.USD_PER_SUCCESSFUL_REQUEST,
    catalog.TOKENS_PER_USD,
    catalog.TOKENS_PER_S_PER_MW,
    catalog.JOULES_PER_TOKEN_PROVISIONED,
)
"""What the table of costs has beside the total and its interval."""
