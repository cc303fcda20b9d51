#!/usr/bin/env bash
# container.sh SCRIPT: run a script of this folder in the container that all of them are meant for.
# IMAGE: another image. MODELS: a folder of the node that is seen under its own path, with the checkpoints in it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
image=vllm/vllm-openai:v0.32.0
image="${IMAGE:-$image}"
mounts=(--volume "$here:$here:ro" --volume "${HF_HOME:-$HOME/.cache/huggingface}:/root/.cache/huggingface")
if [ -n "${MODELS:-}" ]; then
    mounts+=(--volume "$MODELS:$MODELS:ro")
fi
hosts=()
while IFS= read -r name; do
    hosts+=(--env "$name")
done < <(compgen -e HOST_ || true)
exec docker run --rm --init \
    --gpus all \
    --network host \
    --ipc host \
    --device /dev/infiniband \
    --cap-add IPC_LOCK \
    --ulimit memlock=-1 \
    --shm-size 128g \
    "${mounts[@]}" ${hosts[@]+"${hosts[@]}"} --entrypoint bash "$image" "$here/$1"
