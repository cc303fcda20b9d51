#!/usr/bin/env bash
# container.sh SCRIPT: run a script of this folder in the container that all of them are meant for.
# IMAGE: another image. MODELS: a folder of the node that is seen under its own path, with the checkpoints in it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
image=lmsysorg/sglang-rocm:v0.5.12.post1-rocm720-mi35x-20260529
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
    --device /dev/kfd \
    --device /dev/dri \
    --group-add video \
    --cap-add SYS_PTRACE \
    --security-opt seccomp=unconfined \
    --network host \
    --ipc host \
    --device /dev/infiniband \
    --cap-add IPC_LOCK \
    --ulimit memlock=-1 \
    --shm-size 128g \
    "${mounts[@]}" ${hosts[@]+"${hosts[@]}"} --entrypoint bash "$image" "$here/$1"
