#!/usr/bin/env bash
# examples/cpp, with Debian's grpc++. Exit code 77: its packages are missing and cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. deploy/packages.sh

install_packages clients || {
    echo "example-cpp: Debian's packages of grpc++ are missing (deploy/packages.sh clients)" >&2
    exit 77
}
exec /usr/bin/python3 -B tests/clients/example.py cpp
