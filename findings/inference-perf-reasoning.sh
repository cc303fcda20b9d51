#!/usr/bin/env bash
# inference-perf does not count the reasoning of a chat: it gives a thinking server fewer tokens and a later first one.
#
# Tool: inference-perf 0.7.0, chat, streaming, its default settings.
# Behaviour: of a delta only `content` is read. Tokens that a reasoning parser puts under `reasoning_content`
#   are neither output tokens nor the first token, although `usage` counts them.
# Why it surprises: the same model is reported slower as soon as its server separates reasoning from the answer, and the
#   time to first token then holds the whole thinking. The file tells of it only as `token_count_mismatches`.
# Seen: first token after 603 to 605 ms for 200 ms, 30 of 50 tokens, 50.1 to 50.3 output tokens/s where the server made
#   83.5 to 83.8 (20 of 50 tokens think).
# Date: 2026-12-01
set -euo pipefail

room=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$room"
}
trap finish EXIT

python3.11 -m venv "$room/venv"
echo "installing; this takes a few minutes"
timeout 900 "$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile aiohttp pydantic numpy datasets \
    transformers==5.13.0 jinja2 google-cloud-storage pyyaml boto3 uvloop tqdm aiofiles tiktoken rich av pillow prometheus-client
# Its metadata asks for Python 3.12; what is used of it here runs on 3.11 too.
timeout 300 "$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    --no-deps --ignore-requires-python 'inference-perf==0.7.0'

cat >"$room/tokenizer.py" <<'PY'
"""Write a tokenizer in which every letter is one token: tokenizer.py FOLDER."""
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

letters = sorted(pre_tokenizers.ByteLevel.alphabet())
tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>")
fast.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
fast.save_pretrained(sys.argv[1])
PY

cat >"$room/server.py" <<'PY'
"""A streaming server of known truth: 50 tokens (letters), one every 20 ms from 0.2 s on; the first 20 think."""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKENS, THINKING, FIRST_S, STEP_S = 50, 20, 0.2, 0.02


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def begin(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def do_GET(self):
        self.begin("application/json")
        self.wfile.write(json.dumps({"object": "list", "data": [{"id": "truth", "object": "model"}]}).encode())

    def event(self, choices, **more):
        value = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "truth", "choices": choices, **more}
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def do_POST(self):
        begun = time.monotonic()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.begin("text/event-stream")
        for made in range(1, TOKENS + 1):
            time.sleep(max(0.0, begun + FIRST_S + (made - 1) * STEP_S - time.monotonic()))
            end = "length" if made == TOKENS else None
            key = "reasoning_content" if made <= THINKING else "content"
            self.event([{"index": 0, "delta": {key: "a"}, "finish_reason": end}])
        self.event([], usage={"prompt_tokens": 10, "completion_tokens": TOKENS, "total_tokens": 10 + TOKENS})
        self.wfile.write(b"data: [DONE]\n\n")


server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
PY

"$room/venv/bin/python" "$room/server.py" >"$room/port" &
server=$!
for _ in $(seq 100); do
    [ -s "$room/port" ] && break
    sleep 0.1
done
port=$(cat "$room/port")

export HF_HUB_OFFLINE=1 HOME="$room"
"$room/venv/bin/python" "$room/tokenizer.py" "$room/tokenizer" 2>/dev/null
cat >"$room/run.yml" <<YAML
api: {type: chat, streaming: true}
data: {type: mock}
load: {type: concurrent, num_workers: 1, interval: 0, stages: [{num_requests: 12, concurrency_level: 2}]}
server: {type: vllm, model_name: truth, base_url: "http://127.0.0.1:$port"}
tokenizer: {pretrained_model_name_or_path: "$room/tokenizer"}
storage: {local_storage: {path: "$room/reports"}}
YAML
timeout 120 "$room/venv/bin/inference-perf" -c "$room/run.yml" >"$room/log" 2>&1 || { tail "$room/log"; exit 1; }

"$room/venv/bin/python" - "$room/reports/summary_lifecycle_metrics.json" <<'PY'
import json
import sys

with open(sys.argv[1]) as file:
    good = json.load(file)["successes"]
first_ms = 1000 * good["latency"]["time_to_first_token"]["median"]
mean, mismatches = good["output_len"]["mean"], good["token_count_mismatches"]
print(f"time to first token {first_ms:.0f} ms (sent after 200 ms); output length {mean:.1f} of 50 tokens made and in usage;")
print(f"output tokens/s {good['throughput']['output_tokens_per_sec']:.1f}; token_count_mismatches {mismatches} of 12")
if not (first_ms > 550 and mean == 30):
    sys.exit("changed: reasoning counts, or is counted otherwise")
PY
