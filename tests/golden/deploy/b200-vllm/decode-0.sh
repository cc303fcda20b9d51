#!/usr/bin/env bash
# decode-0 of b200-vllm 2p1d-dep8 (scenario vllm-b200-nixl): vllm 0.32.0, port 8000, GPUs 0 to 7 of its node.
set -euo pipefail
cd "$(dirname "$0")"
MY_ADDRESS="${MY_ADDRESS:-$(hostname -I | cut -d " " -f 1)}"
export GLOO_SOCKET_IFNAME=eth0
export NCCL_IB_HCA=mlx5_0,mlx5_1,mlx5_2,mlx5_3,mlx5_4,mlx5_5,mlx5_6,mlx5_7
export NCCL_SOCKET_IFNAME=eth0
export UCX_NET_DEVICES=mlx5_0:1,mlx5_1:1,mlx5_2:1,mlx5_3:1,mlx5_4:1,mlx5_5:1,mlx5_6:1,mlx5_7:1
export UCX_TLS=rc,cuda_ipc,cuda_copy,tcp,self
export VLLM_NIXL_SIDE_CHANNEL_HOST="${MY_ADDRESS}"
export VLLM_NIXL_SIDE_CHANNEL_PORT=5600
exec vllm serve nvidia/DeepSeek-R1-0528-FP4-v2 \
    --served-model-name deepseek-ai/DeepSeek-R1-0528 \
    --host 0.0.0.0 \
    --data-parallel-size 8 \
    --kv-cache-dtype fp8 \
    --max-model-len 9217 \
    --kv-transfer-config '{"kv_role": "kv_both", "kv_connector": "NixlConnector"}' \
    --trust-remote-code \
    --gpu-memory-utilization 0.9 \
    --enable-expert-parallel \
    --all2all-backend deepep_low_latency \
    --max-num-seqs 64 \
    --data-parallel-rpc-port 29550 \
    --speculative-config '{"method": "mtp", "num_speculative_tokens": 1}' \
    --api-server-count 4 \
    --port 8000
