#!/usr/bin/env bash
# frontend of b200-sglang 4p1d-dep8 (scenario deepseek-r1-mi355x-vs-b200): dynamo-sglang 0.5.12.post1, port
#   30000.
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
export ETCD_ENDPOINTS="http://${HOST_ETCD}:2379"
python3 -m pip install --quiet ai-dynamo==1.2.1
exec python3 -m dynamo.frontend \
    --discovery-backend etcd \
    --request-plane tcp \
    --event-plane zmq \
    --http-port 30000 \
    --router-mode round-robin
