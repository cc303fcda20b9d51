#!/usr/bin/env bash
# wait-ready.sh URL: wait until the deployment answers, and ask it for one token.
set -euo pipefail
url="${1:?base URL of the router, as in http://node0:30000}"
deadline=$((SECONDS + ${READY_SECONDS:-3600}))
body='{"model": "deepseek-ai/DeepSeek-R1-0528", "prompt": "1 2 3", "max_tokens": 1}'
until curl --silent --fail --max-time 5 --output /dev/null "$url/readiness" &&
    curl --silent --fail --max-time 120 --header 'Content-Type: application/json' --data "$body" \
        --output /dev/null "$url/v1/completions"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
        echo "$url did not answer in time" >&2
        exit 1
    fi
    sleep "${READY_PAUSE:-5}"
done
echo "$url is ready"
