#!/usr/bin/env bash
# Tokens of both kinds, as a running server makes them, before libraries that we did not write: pyseto and go-paseto of the versions in requirements.txt
# and go.mod. Exit code 77: no Python with venv or no Go, or their registries are not within reach.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_pypi
need_go
exec /usr/bin/python3 -B tests/clients/paseto/test_paseto.py
