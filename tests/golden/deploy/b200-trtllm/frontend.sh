#!/usr/bin/env bash
# frontend of b200-trtllm 5p1d-dep8-b192 (scenario deepseek-r1-mi355x-vs-b200): dynamo-trtllm 0.8.1.post1,
#   port 30000.
# UNLIKE PRODUCTION: prefix cache off: every prompt is computed whole, also where people's prompts share a
#   beginning
# UNLIKE PRODUCTION: stream interval 100: tokens are sent 100 at a time: people would see text come in bursts,
#   and ITL is not a token's
set -euo pipefail
cd "$(dirname "$0")"
if [ -f hosts.env ]; then
    # shellcheck source=/dev/null
    . ./hosts.env
fi
: "${HOST_ETCD:?address of the node, see hosts.env}"
: "${HOST_NATS:?address of the node, see hosts.env}"
export ETCD_ENDPOINTS="http://${HOST_ETCD}:2379"
export NATS_SERVER="nats://${HOST_NATS}:4222"
exec python3 -m dynamo.frontend \
    --store-kv etcd \
    --request-plane tcp \
    --http-port 30000 \
    --router-mode round-robin
