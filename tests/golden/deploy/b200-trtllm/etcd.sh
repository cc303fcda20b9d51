#!/usr/bin/env bash
# etcd of b200-trtllm 5p1d-dep8-b192 (scenario deepseek-r1-mi355x-vs-b200): dynamo-trtllm 0.8.1.post1, port
#   2379.
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
exec docker run --rm --network host quay.io/coreos/etcd:v3.5.21 etcd \
    --listen-client-urls http://0.0.0.0:2379 \
    --advertise-client-urls "http://${HOST_ETCD}:2379" \
    --data-dir /tmp/etcd
