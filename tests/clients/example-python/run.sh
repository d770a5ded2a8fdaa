#!/usr/bin/env bash
# examples/python. Exit code 77: no Python with venv, or no PyPI.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_pypi
exec /usr/bin/python3 -B tests/clients/example.py python
