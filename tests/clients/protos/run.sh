#!/usr/bin/env bash
# What each language's own tools make of proto/ can be imported, all of it, and sessiond.v1 also beside the platform's own stubs (upstream.proto
# stands in for them). What a machine has no toolchain for is told as skipped; exit code 77: none.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export PATH=$PATH:/usr/local/go/bin
{ python3 -c 'import venv, ensurepip' || command -v go || command -v mvn || command -v npm; } >/dev/null 2>&1 || {
    echo "protos: there is neither python3 with venv nor Go, Maven or npm" >&2
    exit 77
}
exec /usr/bin/python3 -B tests/clients/protos/test_protos.py
