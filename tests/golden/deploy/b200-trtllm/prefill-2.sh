#!/usr/bin/env bash
# prefill-2 of b200-trtllm 5p1d-dep8-b192 (scenario deepseek-r1-mi355x-vs-b200): dynamo-trtllm 0.8.1.post1,
#   port 8000, GPUs 0 to 3 of its node.
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
if [ -z "${KUBERNETES_SERVICE_HOST:-}" ]; then
    export CUDA_VISIBLE_DEVICES=0,1,2,3
fi
export DYN_SYSTEM_PORT=8000
export ETCD_ENDPOINTS="http://${HOST_ETCD}:2379"
export GLOO_SOCKET_IFNAME=eth0
export NATS_SERVER="nats://${HOST_NATS}:4222"
export NCCL_GRAPH_MIXING_SUPPORT=0
export NCCL_IB_HCA=mlx5_0,mlx5_1,mlx5_2,mlx5_3,mlx5_4,mlx5_5,mlx5_6,mlx5_7
export NCCL_SOCKET_IFNAME=eth0
export OMPI_MCA_coll_ucc_enable=0
export TLLM_LOG_LEVEL=INFO
export TRTLLM_ENABLE_PDL=1
export TRTLLM_SERVER_DISABLE_GC=1
export TRTLLM_WORKER_DISABLE_GC=1
export UCX_NET_DEVICES=mlx5_0:1,mlx5_1:1,mlx5_2:1,mlx5_3:1,mlx5_4:1,mlx5_5:1,mlx5_6:1,mlx5_7:1
export UCX_RNDV_SCHEME=put_zcopy
exec python3 -m dynamo.trtllm \
    --model-path nvidia/DeepSeek-R1-0528-FP4-v2 \
    --served-model-name deepseek-ai/DeepSeek-R1-0528 \
    --disaggregation-mode prefill \
    --extra-engine-args prefill-engine.yaml \
    --store-kv etcd \
    --request-plane tcp
