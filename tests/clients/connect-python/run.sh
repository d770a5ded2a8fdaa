#!/usr/bin/env bash
# connect-python of the versions in requirements.txt: calls.py. Exit code 77: no Python with venv, or no PyPI.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_pypi
exec /usr/bin/python3 -B tests/clients/connect-python/test_connect_python.py
