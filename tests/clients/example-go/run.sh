#!/usr/bin/env bash
# examples/go. Exit code 77: no Go, or no registry.
set -euo pipefail
cd "$(dirname "$0")/../../.."
go=$(command -v go || command -v /usr/local/go/bin/go) || {
    echo "example-go: there is no Go (https://go.dev/dl, or Debian's golang-go of bookworm-backports)" >&2
    exit 77
}
PATH=$(dirname "$go"):$PATH
export PATH
exec /usr/bin/python3 -B tests/clients/example.py go
