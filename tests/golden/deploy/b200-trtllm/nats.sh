#!/usr/bin/env bash
# nats of b200-trtllm 5p1d-dep8-b192 (scenario deepseek-r1-mi355x-vs-b200): dynamo-trtllm 0.8.1.post1, port
#   4222.
# UNLIKE PRODUCTION: the prefix cache is off: no prompt shares the work of another
# UNLIKE PRODUCTION: tokens leave the server 100 at a time (stream interval): readers wait, and gaps between
#   chunks grow
set -euo pipefail
cd "$(dirname "$0")"
exec docker run --rm --network host docker.io/library/nats:2.11 nats-server \
    --jetstream \
    --port 4222
