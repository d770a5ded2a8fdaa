#!/usr/bin/env bash
# The protocols' own suites (tests/conformance/README.md). Exit code 77: none of them can run here.
set -euo pipefail
cd "$(dirname "$0")/../../.."
exec tests/conformance/rpc/run.sh
