#!/usr/bin/env bash
# Set up the load generators that ours is measured beside, each in an environment of its own: `make peers`.
#
# They go to a cache folder outside the repository ($XDG_CACHE_HOME/inferbench-peers, or ~/.cache/inferbench-peers) and
# take about 7 GB: guidellm brings PyTorch. vLLM (several GB more) is not installed; where $peers/vllm/bin/vllm exists,
# `vllm bench serve` is measured too. Needs Python 3.10 to 3.13 with pip and venv; PYTHON chooses another than python3.11.
set -euo pipefail

python=${PYTHON:-python3.11}
peers=${XDG_CACHE_HOME:-$HOME/.cache}/inferbench-peers
mkdir -p "$peers"

install_peer() { # name requirement
    [ -x "$peers/$1/bin/python" ] || "$python" -m venv "$peers/$1"
    "$peers/$1/bin/python" -m pip install --quiet --disable-pip-version-check "$2"
    echo "$1: $("$peers/$1/bin/python" -m pip list 2>/dev/null | grep -i "^$1 ")"
}

install_peer aiperf 'aiperf==0.13.*'
install_peer guidellm 'guidellm==0.8.*'

# Both count tokens with a tokenizer of their own: a small one made here, so that nothing is downloaded.
[ -e "$peers/tokenizer/tokenizer.json" ] || "$peers/aiperf/bin/python" "$(dirname "$0")/tiny_tokenizer.py" "$peers/tokenizer"
echo "peers are in $peers"
