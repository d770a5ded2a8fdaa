#!/usr/bin/env bash
# /openapi.json before others' judges, of the versions below, from PyPI into tests/tools/: openapi-spec-validator says whether it is OpenAPI 3.1, schemathesis
# calls a real sandbox by it and compares every answer. Exit code 77: no Python of 3.10 or later with venv, or no PyPI. SES_BUILD: the build that is tried.
# SES_EXAMPLES: generated calls a method (15), beside those that cover each limit once.
set -euo pipefail
cd "$(dirname "$0")/../../.."
packages="openapi-spec-validator==0.9.0 schemathesis==4.32.5"
tools=$PWD/tests/tools/openapi-0.9.0-4.32.5

install_judges() {
    [ -e "$tools/installed" ] && return
    python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
        echo "openapi: no python3 of 3.10 or later with venv (Debian's python3-venv)" >&2
        exit 77
    }
    rm -rf "$tools"
    # shellcheck disable=SC2086  # a list
    if ! { python3 -m venv "$tools" && "$tools/bin/pip" install -q --disable-pip-version-check $packages; } >"$tools.log" 2>&1; then
        echo "openapi: pip could not install $packages ($(tail -1 "$tools.log"))" >&2
        rm -rf "$tools"
        exit 77
    fi
    touch "$tools/installed"
}

install_judges
"$tools/bin/openapi-spec-validator" --validation-errors all "${SES_BUILD:-build-gcc}/api/openapi.json"
SES_TOOLS=$tools exec /usr/bin/python3 -B tests/clients/openapi/test_schemathesis.py
