#!/usr/bin/env bash
# examples/python. Exit code 77: no Python with venv, or no registry.
set -euo pipefail
cd "$(dirname "$0")/../../.."
python3 -c 'import venv, ensurepip' 2>/dev/null || {
    echo "example-python: there is no python3 with venv (Debian: python3-venv)" >&2
    exit 77
}
exec /usr/bin/python3 -B tests/clients/example.py python
