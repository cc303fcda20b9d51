#!/usr/bin/env bash
# decode-0 of b200-sglang 4p1d-dep8 (scenario deepseek-r1-mi355x-vs-b200): dynamo-sglang 0.5.12.post1, port
#   8000, GPUs 0 to 7 of its node.
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
export DYN_SYSTEM_PORT=8000
export ETCD_ENDPOINTS="http://${HOST_ETCD}:2379"
export GLOO_SOCKET_IFNAME=eth0
export NCCL_CUMEM_ENABLE=1
export NCCL_IB_HCA=mlx5_0,mlx5_1,mlx5_2,mlx5_3,mlx5_4,mlx5_5,mlx5_6,mlx5_7
export NCCL_SOCKET_IFNAME=eth0
export PYTHONUNBUFFERED=1
export SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT=100000
export SGLANG_DISAGGREGATION_HEARTBEAT_MAX_FAILURE=100000
export SGLANG_DISAGGREGATION_WAITING_TIMEOUT=100000
export SGLANG_ENABLE_JIT_DEEPGEMM=false
export SGLANG_ENABLE_SPEC_V2=1
export TORCH_DISTRIBUTED_DEFAULT_TIMEOUT=1800
export UCX_NET_DEVICES=mlx5_0:1,mlx5_1:1,mlx5_2:1,mlx5_3:1,mlx5_4:1,mlx5_5:1,mlx5_6:1,mlx5_7:1
export UCX_TLS=rc,cuda_ipc,cuda_copy,tcp,self
python3 -m pip install --quiet ai-dynamo==1.2.1
exec python3 -m dynamo.sglang \
    --model-path nvidia/DeepSeek-R1-0528-FP4-v2 \
    --served-model-name deepseek-ai/DeepSeek-R1-0528 \
    --tp-size 8 \
    --dp-size 8 \
    --enable-dp-attention \
    --ep-size 8 \
    --disaggregation-mode decode \
    --disaggregation-transfer-backend nixl \
    --kv-cache-dtype fp8_e4m3 \
    --trust-remote-code \
    --attention-backend trtllm_mla \
    --moe-runner-backend flashinfer_trtllm \
    --watchdog-timeout 1000000 \
    --scheduler-recv-interval 1 \
    --load-balance-method round_robin \
    --enable-metrics \
    --quantization modelopt_fp4 \
    --fp4-gemm-backend flashinfer_trtllm \
    --mem-fraction-static 0.85 \
    --prefill-round-robin-balance \
    --moe-dense-tp-size 1 \
    --enable-dp-lm-head \
    --speculative-algorithm EAGLE \
    --speculative-eagle-topk 1 \
    --speculative-num-steps 2 \
    --speculative-num-draft-tokens 3 \
    --context-length 9217 \
    --max-running-requests 2048 \
    --cuda-graph-max-bs 256 \
    --stream-interval 30 \
    --disable-radix-cache \
    --host 0.0.0.0 \
    --port 8050 \
    --discovery-backend etcd \
    --request-plane tcp \
    --event-plane zmq
