#!/usr/bin/env bash
# router of b200-vllm 2p1d-dep8 (scenario vllm-b200-nixl): vllm 0.32.0, port 30000.
set -euo pipefail
cd "$(dirname "$0")"
if [ -f hosts.env ]; then
    # shellcheck source=/dev/null
    . ./hosts.env
fi
: "${HOST_DECODE_0:?address of the node, see hosts.env}"
: "${HOST_PREFILL_0:?address of the node, see hosts.env}"
: "${HOST_PREFILL_1:?address of the node, see hosts.env}"
python3 -m pip install --quiet vllm-router==0.1.17
exec python3 -m vllm_router.launch_router \
    --vllm-pd-disaggregation \
    --kv-connector nixl \
    --host 0.0.0.0 \
    --port 30000 \
    --policy round_robin \
    --worker-startup-timeout-secs 3600 \
    --prefill "http://${HOST_PREFILL_0}:8000" \
    --prefill "http://${HOST_PREFILL_1}:8100" \
    --decode "http://${HOST_DECODE_0}:8000"
