#!/usr/bin/env bash
# prefill-1 of mi355x-sglang-mori 2p1d-dep8 (scenario deepseek-r1-mi355x-vs-b200): sglang 0.5.12.post1, port
#   8000, GPUs 0 to 7 of its node.
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
export AITER_LOG_LEVEL=ERROR
export GLOO_SOCKET_IFNAME=eth0
export MORI_ENABLE_SDMA=true
export MORI_EP_LAUNCH_CONFIG_MODE=AUTO
export MORI_IO_QP_MAX_CQE=32768
export MORI_IO_QP_MAX_SEND_WR=16384
export MORI_IO_QP_MAX_SGE=2
export MORI_IO_SQ_BACKOFF_TIMEOUT_US=50000
export MORI_IO_TC=104
export MORI_IO_TC_DISABLE=0
export MORI_RDMA_DEVICES=rdma0,rdma1,rdma2,rdma3,rdma4,rdma5,rdma6,rdma7
export MORI_RDMA_TC=104
export MORI_SHMEM_MODE=ISOLATION
export NCCL_BLOCKING_WAIT=1
export NCCL_IB_HCA=rdma0,rdma1,rdma2,rdma3,rdma4,rdma5,rdma6,rdma7
export NCCL_IB_TC=104
export NCCL_SOCKET_IFNAME=eth0
export SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT=3600
export SGLANG_DISAGGREGATION_NUM_PRE_ALLOCATE_REQS=32
export SGLANG_DISAGGREGATION_WAITING_TIMEOUT=3600
export SGLANG_ENABLE_OVERLAP_PLAN_STREAM=0
export SGLANG_ENABLE_SPEC_V2=1
export SGLANG_MORI_COMBINE_DTYPE=fp8_direct_cast
export SGLANG_MORI_DISPATCH_DTYPE=fp4
export SGLANG_MORI_DISPATCH_INTER_KERNEL_SWITCH_THRESHOLD=2048
export SGLANG_MORI_MOE_MAX_INPUT_TOKENS=32768
export SGLANG_MORI_NUM_MAX_DISPATCH_TOKENS_PER_RANK=8192
export SGLANG_MORI_NUM_WORKERS=4
export SGLANG_MORI_QP_PER_TRANSFER=4
export SGLANG_USE_AITER=1
export TORCH_NCCL_BLOCKING_WAIT=1
exec python3 -m sglang.launch_server \
    --model-path amd/DeepSeek-R1-0528-MXFP4-v2 \
    --served-model-name deepseek-ai/DeepSeek-R1-0528 \
    --tp-size 8 \
    --dp-size 8 \
    --enable-dp-attention \
    --ep-size 8 \
    --moe-a2a-backend mori \
    --deepep-mode normal \
    --ep-dispatch-algorithm fake \
    --enable-two-batch-overlap \
    --disaggregation-mode prefill \
    --disaggregation-transfer-backend mori \
    --disaggregation-ib-device rdma0,rdma1,rdma2,rdma3,rdma4,rdma5,rdma6,rdma7 \
    --kv-cache-dtype fp8_e4m3 \
    --trust-remote-code \
    --decode-log-interval 1000 \
    --log-level warning \
    --watchdog-timeout 3600 \
    --load-balance-method round_robin \
    --attention-backend aiter \
    --enable-metrics \
    --mem-fraction-static 0.8 \
    --moe-dense-tp-size 1 \
    --enable-dp-lm-head \
    --speculative-algorithm NEXTN \
    --speculative-eagle-topk 1 \
    --speculative-attention-mode decode \
    --speculative-num-steps 1 \
    --speculative-num-draft-tokens 2 \
    --speculative-draft-model-path SGLang/DeepSeek-R1-NextN \
    --context-length 9217 \
    --max-running-requests 2048 \
    --chunked-prefill-size 65536 \
    --disable-cuda-graph \
    --stream-interval 100 \
    --tokenizer-worker-num 32 \
    --disaggregation-bootstrap-port 8998 \
    --disable-radix-cache \
    --host 0.0.0.0 \
    --port 8000
