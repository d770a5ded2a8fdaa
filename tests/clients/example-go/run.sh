#!/usr/bin/env bash
# examples/go. Exit code 77: no Go, or no module proxy.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_go
exec /usr/bin/python3 -B tests/clients/example.py go
