"""Flags of `sglang.benchmark.serving` 0.5.23 that vLLM's client does not have, and other names of aiperf 0.13.0.

What both have means the same in both, but for `--random-range-ratio`. Defaults are vLLM's.
"""

from __future__ import annotations

from inferbench.cli.dropin.flag import MANY, ForeignFlag, nothing, refused, same
from inferbench.cli.dropin.names import CUSTOM, GROUPS, MEDIA

TITLE = "sglang.benchmark.serving 0.5.23"
ABOUT = (
    "What it shares with vLLM's client means the same, but for `--random-range-ratio r`: SGLang draws lengths from rL "
    "to L (with its default of 0: from 1 to L), so that the flag is refused beside `--backend sglang...`, with what to "
    "write instead. Defaults are vLLM's (fixed lengths, 128 tokens out, no warm-up), but for the port, and for answers "
    "going on to their length with every data set (`--disable-ignore-eos`: not). The rest:"
)
ABOUT_AIPERF = (
    "`--url`, `--concurrency`, `--request-count`, `--num-profile-runs`, `--isl`, `--osl`, `--arrival-pattern` and "
    "`--concurrency-ramp-duration` mean what they mean in aiperf 0.13.0; lengths have no spread and answers go on to "
    "theirs. `--num-prompts`, which is the size of the data set there, is the number of requests, as in vLLM. And:"
)

_PROFILE = "a profiler slows down what is measured; POST /start_profile yourself"
_LORA = "a run asks for one model: give --model ADAPTER, a run for each"
_BODY = "name it in the body: --extra-body '{\"return_logprob\": true, ...}'"
_EACH = "every group has as many requests as the next: give --num-prompts, groups times prompts per group"
_EVEN = "lengths are those given, and every group has as many requests as the next; leave it out"

SGLANG: tuple[ForeignFlag, ...] = (
    refused("--dataset-offset", "cut the file"),
    refused("--agentic-max-turns", "cut the file"),
    refused("--sharegpt-context-len", "as in vLLM's client, conversations of up to 2,048 tokens are taken"),
    refused("--image-count", MEDIA),
    refused("--image-resolution", MEDIA),
    refused("--random-image-count", MEDIA, values=0),
    refused("--image-format", MEDIA),
    refused("--image-content", MEDIA),
    same("--use-trace-timestamps", "--self-timed", values=0),
    same("--output-file", "--append-result --result-filename", "a line a run, with the keys of vLLM's file"),
    same("--output-details", "--save-detailed", values=0),
    refused("--print-requests", "every request is in the run's records: inferbench runs query", values=0),
    refused("--disable-stream", "an answer that does not stream has no first token to time", values=0),
    refused("--return-logprob", _BODY, values=0),
    refused("--top-logprobs-num", _BODY),
    refused("--token-ids-logprob", _BODY, values=MANY),
    refused("--logprob-start-len", _BODY),
    refused("--return-routed-experts", _BODY, values=0),
    nothing("--cache-report", "cached tokens are reported wherever the server tells them"),
    same("--disable-ignore-eos", "--no-ignore-eos", values=0),
    same("--extra-request-body", "--extra-body"),
    refused("--apply-chat-template", "the server applies it: --backend sglang-oai-chat", values=0),
    refused("--plot-throughput", "`inferbench report RUN` draws a page with the figures of every run", values=0),
    refused("--profile-activities", _PROFILE, values=MANY),
    refused("--profile-start-step", _PROFILE),
    refused("--profile-steps", _PROFILE),
    refused("--profile-num-steps", _PROFILE),
    refused("--profile-by-stage", _PROFILE, values=0),
    refused("--profile-stages", _PROFILE, values=MANY),
    refused("--profile-output-dir", _PROFILE),
    refused("--profile-prefix", _PROFILE),
    refused("--lora-name", _LORA, values=MANY),
    refused("--lora-request-distribution", _LORA),
    refused("--lora-zipf-alpha", _LORA),
    refused("--prompt-suffix", CUSTOM),
    refused("--pd-separated", _PROFILE, values=0),
    refused("--profile-prefill-url", _PROFILE, values=MANY),
    refused("--profile-decode-url", _PROFILE, values=MANY),
    refused("--flush-cache-timeout", "a server that takes a minute to empty its cache is given it; leave it out"),
    same("--warmup-requests", "--num-warmups"),
    refused("--tokenize-prompt", "token ids are a data set here: --dataset-name random-ids", values=0),
    same("--gsp-num-groups", "--num-prefixes", only=GROUPS),
    refused("--gsp-prompts-per-group", _EACH),
    same("--gsp-system-prompt-len", "--random-prefix-len", only=GROUPS),
    same("--gsp-question-len", "--isl", only=GROUPS),
    same("--gsp-output-len", "--osl", only=GROUPS),
    refused("--gsp-range-ratio", _EVEN),
    nothing("--gsp-fast-prepare", "prompts are made while the load goes on"),
    refused("--gsp-send-routing-key", "give a header that all requests carry by --header", values=0),
    same("--gsp-num-turns", "--num-turns", only=GROUPS),
    refused("--gsp-ordered", _EVEN, values=0),
    refused("--gsp-group-distribution", _EVEN),
    refused("--gsp-zipf-alpha", _EVEN),
    refused("--mooncake-slowdown-factor", "give --trace-speed-up, which is 1 over it"),
    refused("--mooncake-num-rounds", "sessions are those of the trace"),
    refused("--mooncake-workload", "give the trace's file: --dataset-path FILE"),
    refused("--fake-prefill", "decode without a prefill server is not measured here", values=0),
    refused("--tag", "give --metadata tag=VALUE"),
    refused("--rust-client", "give --workers N to share a load out over processes", values=0),
    refused("--rust-worker-threads", "give --workers N to share a load out over processes"),
)

AIPERF: tuple[ForeignFlag, ...] = (
    same("--warmup-request-count", "--num-warmups"),
    same("--random-seed", "--seed"),
    same("--benchmark-duration", "--duration"),
    same("--benchmark-grace-period", "--grace-period"),
)

OLDER: tuple[ForeignFlag, ...] = (
    nothing("--custom-skip-chat-template", "a text goes out as it is"),
)  # fmt: skip
"""Of earlier versions of `vllm bench serve`, as its pages still print them."""
