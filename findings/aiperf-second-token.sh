#!/usr/bin/env bash
# aiperf's "time to second token" is the gap between the first two chunks, whatever they hold.
#
# Tool: aiperf 0.13.0, chat, streaming.
# Behaviour: `time_to_second_token` is the arrival of the second chunk less that of the first. Where the first chunk
#   holds ten tokens the second token is already there, and the figure is the wait for the eleventh.
# Why it surprises: the other figures of the same file are in tokens (`inter_token_latency` divides by tokens, and chunks
#   have their own `inter_chunk_latency`), so this one reads as if the second token were ten times as late as it is; and
#   the name sounds like a time from the start of the request, as time to first token is.
# Seen: 198 to 200 ms, beside an inter-chunk latency of 200 ms and an inter-token latency of 16.3 ms, for a token every
#   20 ms, sent 10 at a time.
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
timeout 900 "$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile 'aiperf==0.13.0'

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
"""A streaming server of known truth: 50 tokens (letters), made every 20 ms from 0.2 s on, sent 10 at a time."""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKENS, AT_ONCE, FIRST_S, STEP_S = 50, 10, 0.2, 0.02


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
        for made in range(AT_ONCE, TOKENS + 1, AT_ONCE):
            time.sleep(max(0.0, begun + FIRST_S + (made - 1) * STEP_S - time.monotonic()))
            end = "length" if made == TOKENS else None
            self.event([{"index": 0, "delta": {"content": "a" * AT_ONCE}, "finish_reason": end}])
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

# Not HF_HUB_OFFLINE=1: with it this release takes no tokenizer from a folder.
export HOME="$room"
"$room/venv/bin/python" "$room/tokenizer.py" "$room/tokenizer" 2>/dev/null
(cd "$room" && timeout 150 "$room/venv/bin/aiperf" profile --model truth --url "http://127.0.0.1:$port" --endpoint-type chat \
    --streaming --tokenizer "$room/tokenizer" --concurrency 2 --request-count 12 --isl 64 --osl 50 --use-server-token-count \
    --no-gpu-telemetry --no-server-metrics --export-level summary --ui none --artifact-dir "$room/out") \
    >"$room/log" 2>&1 || { tail "$room/log"; exit 1; }

"$room/venv/bin/python" - "$room" <<'PY'
import json
import pathlib
import sys

(path,) = pathlib.Path(sys.argv[1], "out").rglob("profile_export_aiperf.json")
found = json.loads(path.read_text())
names = ("time_to_first_token", "time_to_second_token", "inter_token_latency", "inter_chunk_latency")
seen = {name: round(found[name]["p50"], 1) for name in names}
print(f"medians in ms: {seen}; the server made a token every 20 ms and sent 10 every 200 ms")
if not 150 < seen["time_to_second_token"] < 300:
    sys.exit("changed: the time to second token is no longer the gap between the first two chunks")
PY
