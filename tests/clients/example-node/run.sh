#!/usr/bin/env bash
# examples/node. Exit code 77: no npm, a Node.js that is too old for its packages, or no registry.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_npm
exec /usr/bin/python3 -B tests/clients/example.py node
