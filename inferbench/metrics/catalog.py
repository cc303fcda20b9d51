"""The catalogue: every metric once, with its name, unit, direction, formula, trap, and how it is read.

Tables, files, axes, limits and the glossaries loop over these entries, or over the selections in `metric_families`, or
look one up here; nothing else lists metrics. A format of another tool keeps that tool's keys and formulas, and maps
them to these names.

Sources. Latencies are differences of a request's own stamps. TPOT and ITL are as `vllm bench serve` and InferenceX's
client define them, but that a chunk may hold several tokens. Percentiles are linear between order statistics, numpy's
default (Hyndman and Fan, Am. Stat. 50, 1996, type 7). Costs are InferenceX's (SemiAnalysisAI/InferenceX-app,
packages/app/src/lib/chart-utils.ts).
"""

from __future__ import annotations

from inferbench.metrics.metric import (
    Better,
    CostMetric,
    DistributionMetric,
    MetricEntry,
    ScalarMetric,
    of_energy,
    on_basis,
    per_gpu,
)

HIGHER, LOWER = Better.HIGHER, Better.LOWER

ISL = ScalarMetric(
    name="isl", label="ISL", unit="tokens", read=lambda summary, _: summary.isl_mean,
    formula="prompt tokens, from the server's `usage` where it sends one",
    trap="a chunk is not a token",
    short="prompt tokens", note="from the server's own count where it gives one",
)  # fmt: skip
OSL = ScalarMetric(
    name="osl", label="OSL", unit="tokens", read=lambda summary, _: summary.osl_mean,
    formula="generated tokens, from the server's `usage` where it sends one; those never streamed included",
    trap="a chunk is not a token",
    short="generated tokens", note="from the server's own count where it gives one",
)  # fmt: skip
TTFT = DistributionMetric(
    name="ttft", label="TTFT", unit="ms", better=LOWER, of=lambda figures: figures.ttft_ms,
    formula="first token-bearing chunk - start",
    trap="the role-only first chunk of a chat stream is no token; reasoning and tool calls are",
    short="arrival of the first chunk with a token - start",
    note="time to first token; start is when the request's last byte was sent",
)  # fmt: skip
TTFT_QUEUED = DistributionMetric(
    name="ttft_queued", label="TTFT from the queue", unit="ms", better=LOWER, of=lambda figures: figures.ttft_queued_ms,
    formula="first token-bearing chunk - when the slot was free (closed loop) or it was due (open loop)",
    trap="the wait inside the client is part of what a user waits for",
)  # fmt: skip
TTFAT = DistributionMetric(
    name="ttfat", label="TTFAT", unit="ms", better=LOWER, of=lambda figures: figures.ttfat_ms,
    formula="first chunk of the answer itself - start, where reasoning comes apart from it and before it",
    trap="a reasoning model may show its first token long before its first answer",
)  # fmt: skip
TPOT = DistributionMetric(
    name="tpot", label="TPOT", unit="ms", better=LOWER, of=lambda figures: figures.tpot_ms,
    formula="(e2el - ttft) / (tokens of all chunks - those of the first), per request; none below that. Tokens that no "
    "chunk held, as of reasoning that is not shown, do not count",
    trap="guidellm's includes the first token; aiperf calls this ITL; vLLM and InferenceX divide by osl - 1",
    short="(last token - first token) / (OSL - tokens of the first chunk)",
    note="time per output token, one figure per request",
)  # fmt: skip
ITL = DistributionMetric(
    name="itl", label="ITL", unit="ms", better=LOWER, of=lambda figures: figures.itl_ms,
    formula="time between tokens: a chunk of k tokens that came t after the one before gives k gaps of t/k",
    trap="vLLM and InferenceX report gaps between chunks",
    short="time between two tokens", note="inter-token latency; a chunk of k tokens gives k equal gaps",
)  # fmt: skip
E2EL = DistributionMetric(
    name="e2el", label="E2EL", unit="ms", better=LOWER, of=lambda figures: figures.e2el_ms,
    formula="last token-bearing chunk - start", trap="not the `[DONE]` line", words="end-to-end latency",
    short="arrival of the last token - start", note="end-to-end latency",
)  # fmt: skip
INTERACTIVITY = ScalarMetric(
    name="interactivity", label="interactivity", unit="tok/s/user", better=HIGHER,
    read=on_basis(lambda figures: figures.interactivity_p50),
    formula="1000 / median TPOT: what the user could see stream",
    trap="never the inverse of a mean or of a deviation; throughput counts all tokens, seen or not",
    short="1000 / median TPOT",
    note="the pace at which one user sees text; a percentile of it inverts that percentile of TPOT, never a mean",
)  # fmt: skip
CONCURRENCY = ScalarMetric(
    name="concurrency", label="concurrency", unit="requests", read=lambda summary, _: summary.point.concurrency,
    formula="the closed-loop limit; with sessions, the conversations under way, those included in which the user "
    "thinks",
    trap="`in_flight_mean` is what really was in flight",
    short="the most requests in flight at once", note="a slot that frees takes the next request",
)  # fmt: skip
IN_FLIGHT_MEAN = ScalarMetric(
    name="in_flight_mean", label="in_flight_mean", unit="requests",
    read=on_basis(lambda figures: figures.throughput.in_flight_mean),
    formula="requests in flight, weighted by time: the sum of their times from start to last token / seconds",
    trap="Little's law: request_tput x mean e2el, ramp and drain aside",
)  # fmt: skip
SECONDS = ScalarMetric(
    name="seconds", label="seconds", unit="s", read=on_basis(lambda figures: figures.throughput.seconds),
    formula="length of the basis", trap="a whole run counts from its first start to its last token",
)  # fmt: skip
REQUEST_TPUT = ScalarMetric(
    name="request_tput", label="request_tput", unit="req/s", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.request_tput),
    formula="requests that succeeded / seconds", trap="says nothing without the lengths",
)  # fmt: skip
INPUT_TPUT = ScalarMetric(
    name="input_tput", label="input_tput", unit="tok/s", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.input_tput),
    formula="prompt tokens per second, counted when the first token of their request arrives",
    trap='"throughput" alone says nothing',
)  # fmt: skip
OUTPUT_TPUT = ScalarMetric(
    name="output_tput", label="output_tput", unit="tok/s", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.output_tput),
    formula="generated tokens per second, counted when they arrive, those never streamed when the first arrives",
    trap='"throughput" alone says nothing',
)  # fmt: skip
TOTAL_TPUT = ScalarMetric(
    name="total_tput", label="total_tput", unit="tok/s", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.total_tput), formula="input_tput + output_tput",
    trap='"throughput" alone says nothing',
)  # fmt: skip
TPUT_PER_GPU = ScalarMetric(
    name="tput_per_gpu", label="tput_per_gpu", unit="tok/s/GPU", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.tput_per_gpu), words="throughput",
    formula="total_tput over all GPUs, prefill and decode",
    trap="InferenceX uses role accounting for disaggregated input and output rates",
    short="(prompt + generated tokens) / time / all GPUs", note="prefill and decode GPUs together",
)  # fmt: skip
INPUT_TPUT_PER_GPU = ScalarMetric(
    name="input_tput_per_gpu", label="input_tput_per_gpu", unit="tok/s/GPU", better=HIGHER,
    read=per_gpu(lambda figures: figures.throughput.input_tput),
    formula="input_tput over all GPUs, prefill and decode",
    trap="of a published point it is as published: disaggregated, over prefill GPUs alone",
)  # fmt: skip
OUTPUT_TPUT_PER_GPU = ScalarMetric(
    name="output_tput_per_gpu", label="output_tput_per_gpu", unit="tok/s/GPU", better=HIGHER,
    read=per_gpu(lambda figures: figures.throughput.output_tput),
    formula="output_tput over all GPUs, prefill and decode",
    trap="of a published point it is as published: disaggregated, over decode GPUs alone",
)  # fmt: skip
GOODPUT = ScalarMetric(
    name="goodput", label="goodput", unit="req/s", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.goodput),
    formula="requests that kept every clause of the SLO / seconds", trap="vLLM leaves failed requests out",
)  # fmt: skip
GOODPUT_FRACTION = ScalarMetric(
    name="goodput_fraction", label="goodput_fraction", unit="", better=HIGHER,
    read=on_basis(lambda figures: figures.throughput.goodput_fraction),
    formula="requests that kept every clause of the SLO over all that ended, failed ones included",
    trap="vLLM leaves failed requests out",
)  # fmt: skip
CACHE_HIT_RATE = ScalarMetric(
    name="cache_hit_rate", label="cache_hit_rate", unit="", better=HIGHER,
    read=on_basis(lambda figures: figures.cache_hit_rate),
    formula="prompt tokens from the server's prefix cache over all prompt tokens", trap="unknown is not zero",
)  # fmt: skip
ACCEPTED_LENGTH = ScalarMetric(
    name="accepted_length", label="accepted_length", unit="tokens/step", better=HIGHER,
    read=on_basis(lambda figures: figures.accepted_length), formula="osl / (osl - accepted drafted tokens)",
    trap="depends on the text: prompts of noise are flagged",
)  # fmt: skip
JOULES_PER_OUTPUT_TOKEN = ScalarMetric(
    name="joules_per_output_token", label="energy per output token", unit="J", better=LOWER,
    read=of_energy(lambda energy: energy.joules_per_output_token),
    formula="energy of all GPUs over the whole run / generated tokens",
    trap="GPUs alone: no host, network or cooling; measured, or simulated where `energy.origin` says so",
)  # fmt: skip
JOULES_PER_TOTAL_TOKEN = ScalarMetric(
    name="joules_per_total_token", label="energy per token", unit="J", better=LOWER,
    read=of_energy(lambda energy: energy.joules_per_total_token), words="energy of the GPUs alone",
    formula="energy of all GPUs over the whole run / prompt and generated tokens",
    trap="GPUs alone: no host, network or cooling; measured, or simulated where `energy.origin` says so",
)  # fmt: skip
MEAN_POWER_W_PER_GPU = ScalarMetric(
    name="mean_power_w_per_gpu", label="mean power", unit="W/GPU", better=LOWER,
    read=of_energy(lambda energy: energy.mean_power_w_per_gpu),
    formula="energy of all GPUs over the whole run / seconds / GPUs", trap="far below TDP where GPUs wait",
)  # fmt: skip


def _usd(name: str, label: str, formula: str, trap: str = "", *, unit: str = "USD/Mtok") -> CostMetric:
    return CostMetric(name=name, label=label, unit=unit, better=LOWER, formula=formula, trap=trap)


USD_PER_GPU_HOUR = _usd(
    "usd_per_gpu_hour", "GPU-hour", "price of a GPU for an hour in a tier of a dated price book",
    "all-in tiers: no power price beside them", unit="USD/GPU/h",
)  # fmt: skip
USD_PER_MTOK_TOTAL = CostMetric(
    name="usd_per_mtok_total", label="total", unit="USD/Mtok", better=LOWER, words="cost",
    formula="usd_per_gpu_hour / (tput_per_gpu x 3600 / 10^6)",
    trap="derived from throughput, never splined by itself",
    short="$ per GPU-hour / (tok/s/GPU x 3600 / 1,000,000)",
    note="per million prompt and generated tokens together, all GPUs charged",
)  # fmt: skip
USD_PER_MTOK_INPUT = _usd(
    "usd_per_mtok_input", "input", "hourly cost of all GPUs over prompt tokens alone",
    "holds the whole bill, as that of generated tokens does: the two must not be added",
)  # fmt: skip
USD_PER_MTOK_OUTPUT = _usd(
    "usd_per_mtok_output", "output", "hourly cost of all GPUs over generated tokens alone",
    "holds the whole bill, as that of prompt tokens does: the two must not be added",
)  # fmt: skip
USD_PER_MTOK_INPUT_ROLE = _usd(
    "usd_per_mtok_input_role", "input role", "hourly cost of the prefill GPUs over prompt tokens, as InferenceX",
    "none where one server does both",
)  # fmt: skip
USD_PER_MTOK_OUTPUT_ROLE = _usd(
    "usd_per_mtok_output_role", "output role", "hourly cost of the decode GPUs over generated tokens, as InferenceX",
    "leaves out the prefill that the output needed",
)  # fmt: skip
USD_PER_MTOK_BLENDED = _usd(
    "usd_per_mtok_blended", "blended",
    "role costs at a stated ratio of prompt to generated tokens; a cached prompt token counts at a stated share",
    "costs of the whole cluster each hold the whole bill and must not be blended",
)  # fmt: skip
USD_PER_MTOK_GOODPUT = _usd(
    "usd_per_mtok_goodput", "goodput", "usd_per_mtok_total x request_tput / goodput",
    "takes requests that met the SLO to be as long as all that succeeded",
)  # fmt: skip
USD_PER_REQUEST = _usd(
    "usd_per_request", "request", "hourly cost over requests sent in an hour, over the whole run",
    "failed ones included", unit="USD",
)  # fmt: skip
USD_PER_SUCCESSFUL_REQUEST = _usd(
    "usd_per_successful_request", "successful request", "hourly cost over requests that succeeded in an hour",
    "says nothing without the lengths", unit="USD",
)  # fmt: skip
TOKENS_PER_USD = CostMetric(
    name="tokens_per_usd", label="tokens", unit="tok/USD", better=HIGHER, formula="10^6 / usd_per_mtok_total",
    trap="prompt and generated tokens alike",
)  # fmt: skip
TOKENS_PER_S_PER_MW = CostMetric(
    name="tokens_per_s_per_mw", label="tokens", unit="tok/s/MW", better=HIGHER, words="tokens for power",
    formula="tput_per_gpu x 1000 / all-in kW", trap="provisioned, not drawn",
)  # fmt: skip
JOULES_PER_TOKEN_PROVISIONED = CostMetric(
    name="joules_per_token_provisioned", label="energy, provisioned", unit="J/tok", better=LOWER,
    words="provisioned energy", formula="all-in kW x 1000 / tput_per_gpu", trap="provisioned, not measured",
)  # fmt: skip

CATALOG: dict[str, MetricEntry] = {
    entry.name: entry for entry in tuple(globals().values()) if isinstance(entry, MetricEntry)
}
"""Every metric by its name, in the order of the glossary."""
