#!/usr/bin/env bash
# nats of b200-trtllm 5p1d-dep8-b192 (scenario deepseek-r1-mi355x-vs-b200): dynamo-trtllm 0.8.1.post1, port
#   4222.
# UNLIKE PRODUCTION: prefix cache off: every prompt is computed whole, also where people's prompts share a
#   beginning
# UNLIKE PRODUCTION: stream interval 100: tokens are sent 100 at a time: people would see text come in bursts,
#   and ITL is not a token's
set -euo pipefail
cd "$(dirname "$0")"
exec docker run --rm --network host docker.io/library/nats:2.11 nats-server \
    --jetstream \
    --port 4222
