"""Every flag of `vllm bench serve` 0.33.0, once, in the order of its help."""

from __future__ import annotations

from inferbench.cli.dropin.flag import MANY, ForeignFlag, body, nothing, own, refused, same
from inferbench.cli.dropin.names import (
    GROUPS,
    HUB,
    MEDIA,
    PREFIXES,
    RANDOM,
    REFUSED_BACKENDS,
    REFUSED_DATASETS,
    TIMED,
)

VERSION = "0.33.0"

_PAGE = "`inferbench report RUN` draws a page with the figures of every run"
_LORA = "a run asks for one model: give --model MODULE, a run for each"
_KEYS = "the key of vLLM's default is read; write the file with it"
_POOLING = REFUSED_DATASETS["random-rerank"]
_CUSTOM = REFUSED_DATASETS["spec_bench"]
_TEMPERATURE = (
    "without it 0 is sent, where vLLM's client leaves it to the server; "
    "`--extra-body '{\"temperature\": null}'` sends none"
)

FLAGS: tuple[ForeignFlag, ...] = (
    own("--label"),
    own(
        "--backend",
        "decides the path, where --endpoint does not; SGLang's names are taken, too",
        refuses=REFUSED_BACKENDS,
    ),
    own("--base-url", "several get requests in turn"),
    own("--host"),
    own("--port"),
    own("--endpoint"),
    own("--header"),
    own("--max-concurrency", "several make a sweep"),
    own("--model", "by default the one that is served; nothing is looked up under this name"),
    same("--input-len", "--isl", only=RANDOM),
    same("--output-len", "--osl", only=(*RANDOM, *PREFIXES, *GROUPS, "sharegpt", "custom")),
    own("--tokenizer", "a file or folder; without it lengths are words, and the server's counts stand in the result"),
    nothing(
        "--tokenizer-mode",
        "tokenizer.json says what it is",
        values=1,
        refuses=dict.fromkeys(("mistral", "deepseek_v32"), "give the tokenizer.json of the model by --tokenizer"),
    ),
    refused(
        "--use-beam-search",
        "vLLM's client does not send it either; where a server has it: --extra-body '{\"use_beam_search\": true}'",
        values=0,
    ),
    body("--logprobs", "in a chat as `logprobs` and `top_logprobs`"),
    own("--request-rate", "inf: all at once, also the lines of a trace"),
    own("--burstiness"),
    own("--probe-request-rate"),
    own("--disable-tqdm"),
    own("--num-warmups", "with prompts of their own, so that none is in the server's cache"),
    refused("--profile", "a profiler slows down what is measured; POST /start_profile yourself", values=0),
    own("--save-result"),
    own("--save-detailed"),
    own("--append-result"),
    own("--metadata"),
    own("--result-dir", "implies --save-result"),
    own("--result-filename", "implies --save-result"),
    own("--ignore-eos", "as there, on by default with random lengths and timed traces, else off"),
    own("--self-timed", "also for the other traces that tell times; on by default for Mooncake's and Azure's"),
    own("--percentile-metrics"),
    own("--metric-percentiles"),
    own("--goodput"),
    own("--request-id-prefix", "without it no `x-request-id` is sent"),
    body("--top-p"),
    body("--top-k"),
    body("--min-p"),
    body("--temperature", _TEMPERATURE),
    body("--frequency-penalty"),
    body("--presence-penalty"),
    body("--repetition-penalty"),
    own("--served-model-name"),
    refused("--lora-modules", _LORA, values=MANY),
    refused("--lora-assignment", _LORA),
    own("--ramp-up-strategy"),
    own("--ramp-up-start-rps"),
    own("--ramp-up-end-rps"),
    own("--ready-check-timeout-sec"),
    refused(
        "--chat-template-kwargs",
        "the server applies the template: --backend openai-chat --extra-body '{\"chat_template_kwargs\": {...}}'",
    ),
    own("--extra-body", "null removes a key; `--extra-body.KEY VALUE` is taken, too"),
    nothing("--skip-tokenizer-init", "none is read without --tokenizer"),
    own("--insecure"),
    refused("--plot-timeline", _PAGE, values=0),
    refused("--timeline-itl-thresholds", _PAGE),
    refused("--plot-dataset-stats", _PAGE, values=0),
    nothing("--trust-remote-code", "no code of a model is run"),
    own("--seed"),
    own("--num-prompts"),
    own("--dataset-name", "and mooncake, bailian, azure and random-ids", refuses=REFUSED_DATASETS),
    refused("--no-stream", f"it is for data sets of a hub: {HUB}; answers are always streamed", values=0),
    own("--dataset-path"),
    nothing("--no-oversample", "a file is never repeated: what it holds is sent, and a note says how many"),
    nothing("--skip-chat-template", "a text goes out as it is; in a chat the server applies its template"),
    refused("--enable-multimodal-chat", MEDIA, values=0),
    own("--disable-shuffle"),
    same("--custom-output-len", "--osl", "-1: `output_tokens` of each line", only=("custom",)),
    refused("--custom-ensure-client-side-data", MEDIA, values=0),
    refused("--spec-bench-output-len", _CUSTOM),
    refused("--spec-bench-category", _CUSTOM),
    same("--sharegpt-output-len", "--osl", only=("sharegpt",)),
    same("--timed-trace-chunk-hash-size", "--trace-block-size", only=TIMED),
    same(
        "--timed-trace-sec-multiplier",
        "--trace-time-unit",
        "1 is s, 0.001 is ms",
        only=TIMED,
        means={"1": "s", "1.0": "s", "0.001": "ms", ".001": "ms", "1e-3": "ms"},
    ),
    *(
        nothing(f"--timed-trace-label-{key.replace('_', '-')}", _KEYS, values=1, only=TIMED, means={key: key})
        for key in ("timestamp", "input_length", "output_length", "hash_ids")
    ),
    refused("--blazedit-min-distance", HUB),
    refused("--blazedit-max-distance", HUB),
    refused("--asr-max-audio-len-sec", MEDIA),
    refused("--asr-min-audio-len-sec", MEDIA),
    own("--random-input-len", only=RANDOM),
    own("--random-output-len", only=RANDOM),
    own("--random-range-ratio", "also as JSON, {\"input\": r, \"output\": r}", only=RANDOM),
    own("--random-prefix-len", only=RANDOM),
    refused("--random-batch-size", _POOLING),
    refused("--no-reranker", _POOLING, values=0),
    refused("--random-mm-base-items-per-request", MEDIA),
    refused("--random-mm-num-mm-items-range-ratio", MEDIA),
    refused("--random-mm-limit-mm-per-prompt", MEDIA),
    refused("--random-mm-bucket-config", MEDIA),
    refused("--hf-subset", HUB),
    refused("--hf-split", HUB),
    refused("--hf-name", HUB),
    refused("--hf-output-len", HUB),
    refused("--bfcl-categories", HUB),
    same("--prefix-repetition-prefix-len", "--random-prefix-len", only=PREFIXES),
    same("--prefix-repetition-suffix-len", "--isl", only=PREFIXES),
    same("--prefix-repetition-num-prefixes", "--num-prefixes", only=PREFIXES),
    same("--prefix-repetition-output-len", "--osl", only=PREFIXES),
    refused("--speed-bench-dataset-subset", _CUSTOM),
    refused("--speed-bench-output-len", _CUSTOM),
    refused("--speed-bench-category", _CUSTOM),
)  # fmt: skip
