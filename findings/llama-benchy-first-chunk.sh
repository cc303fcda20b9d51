#!/usr/bin/env bash
# llama-benchy reads a server that sends several tokens at a time as faster than it is.
#
# Tool: llama-benchy 0.4.0, one stream, `tg` tokens/s per request.
# Behaviour: it divides the tokens after the first one by the time from the first to the last chunk. Where the first chunk
#   holds k tokens, k - 1 of them came before the clock started and are counted all the same.
# Why it surprises: nothing about the server is faster; only the way its tokens are put into chunks differs. The same
#   server sending one token at a time is measured right. The error is (n - 1)/(n - k) for n tokens, so short answers and
#   large chunks (speculation, several scheduler steps at once) gain most.
# Seen: 61.3 tokens/s for a server that makes a token every 20 ms, which is 50 tokens/s (n = 50, k = 10).
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
timeout 900 "$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile 'llama-benchy==0.4.0'

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
        if self.path.endswith("/models"):
            self.begin("application/json")
            self.wfile.write(json.dumps({"object": "list", "data": [{"id": "truth", "object": "model"}]}).encode())
            return
        self.begin("text/plain")
        self.wfile.write(b"The quick brown fox jumps over the lazy dog. " * 200)

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

export HF_HUB_OFFLINE=1 HOME="$room"
"$room/venv/bin/python" "$room/tokenizer.py" "$room/tokenizer" 2>/dev/null
timeout 120 "$room/venv/bin/llama-benchy" --base-url "http://127.0.0.1:$port/v1" --model truth \
    --tokenizer "$room/tokenizer" --book-url "http://127.0.0.1:$port/book" --pp 64 --tg 50 --runs 5 \
    --no-warmup --skip-coherence --no-adapt-prompt --latency-mode none \
    --format json --save-result "$room/result.json" >"$room/log" 2>&1 || { tail "$room/log"; exit 1; }

"$room/venv/bin/python" - "$room/result.json" <<'PY'
import json
import sys

with open(sys.argv[1]) as file:
    speed = json.load(file)["benchmarks"][0]["tg_req_throughput"]["mean"]
print(f"tokens/s while decoding: {speed:.1f}; the server made 1/0.02 = 50.0; (50 - 1)/(4 x 0.2 s) = 61.25")
if not 56 < speed < 65:
    sys.exit("changed: it is not the 61 tokens/s described above")
PY
