#!/usr/bin/env bash
# etcd of b200-sglang 4p1d-dep8 (scenario deepseek-r1-mi355x-vs-b200): dynamo-sglang 0.5.12.post1, port 2379.
# UNLIKE PRODUCTION: prefix cache off: every prompt is computed whole, also where people's prompts share a
#   beginning
# UNLIKE PRODUCTION: stream interval 30: tokens are sent 30 at a time: people would see text come in bursts,
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
