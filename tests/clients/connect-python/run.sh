#!/usr/bin/env bash
# connect-python of the versions in requirements.txt: calls.py. Exit code 77: no Python with venv.
set -euo pipefail
cd "$(dirname "$0")/../../.."
python3 -c 'import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
    echo "connect-python: there is no python3 of at least 3.10 with venv (Debian: python3-venv)" >&2
    exit 77
}
exec /usr/bin/python3 -B tests/clients/connect-python/test_connect_python.py
