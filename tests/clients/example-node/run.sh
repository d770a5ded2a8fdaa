#!/usr/bin/env bash
# examples/node. Exit code 77: no npm or its registry, or a Node.js that is too old for its packages.
set -euo pipefail
cd "$(dirname "$0")/../../.."
{ command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)'; } >/dev/null || {
    echo "example-node: there is no npm, or no Node.js 20 (https://nodejs.org)" >&2
    exit 77
}
exec /usr/bin/python3 -B tests/clients/example.py node
