#!/usr/bin/env bash
# router of mi355x-sglang-mori 2p1d-dep8 (scenario deepseek-r1-mi355x-vs-b200): sglang 0.5.12.post1, port
#   30000.
# UNLIKE PRODUCTION: fake expert dispatch: tokens go to experts drawn at random and balanced perfectly:
#   another model than the one that answers people
# UNLIKE PRODUCTION: prefix cache off: every prompt is computed whole, also where people's prompts share a
#   beginning
# UNLIKE PRODUCTION: capped MoE rows: rows beyond the cap never reach their experts: the answers are not the
#   model's
# UNLIKE PRODUCTION: stream interval 100: tokens are sent 100 at a time: people would see text come in bursts,
#   and ITL is not a token's
set -euo pipefail
cd "$(dirname "$0")"
if [ -f hosts.env ]; then
    # shellcheck source=/dev/null
    . ./hosts.env
fi
: "${HOST_DECODE_0:?address of the node, see hosts.env}"
: "${HOST_PREFILL_0:?address of the node, see hosts.env}"
: "${HOST_PREFILL_1:?address of the node, see hosts.env}"
python3 -m pip install --quiet sglang-router==0.3.2
exec python3 -m sglang_router.launch_router \
    --pd-disaggregation \
    --host 0.0.0.0 \
    --port 30000 \
    --policy random \
    --prefill-policy random \
    --decode-policy random \
    --cb-timeout-duration-secs 15 \
    --retry-max-retries 3 \
    --worker-startup-timeout-secs 3600 \
    --prefill "http://${HOST_PREFILL_0}:8000" 8998 \
    --prefill "http://${HOST_PREFILL_1}:8000" 8998 \
    --decode "http://${HOST_DECODE_0}:8000"
