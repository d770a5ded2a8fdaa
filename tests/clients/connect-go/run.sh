#!/usr/bin/env bash
# connect-go of the version in go.mod: calls_test.go. Exit code 77: no Go.
set -euo pipefail
cd "$(dirname "$0")/../../.."
go=$(command -v go || command -v /usr/local/go/bin/go) || {
    echo "connect-go: there is no Go (https://go.dev/dl, or Debian's golang-go of bookworm-backports)" >&2
    exit 77
}
PATH=$(dirname "$go"):$PATH
export PATH
exec /usr/bin/python3 -B tests/clients/connect-go/test_connect_go.py
