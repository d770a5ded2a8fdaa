#!/usr/bin/env bash
# /openapi.json before others' judges, of the versions below, from PyPI into tests/tools/, where they stay: openapi-spec-validator says whether it is OpenAPI
# 3.1, schemathesis calls a real sandbox by it and compares every answer. Exit code 77: no Python with venv, or no PyPI. SES_BUILD: the build that is tried.
# SES_EXAMPLES: generated calls a method (15), beside those that cover each limit once.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
packages="openapi-spec-validator==0.9.0 schemathesis==4.32.5"
tools=$PWD/tests/tools/openapi-0.9.0-4.32.5

install_judges() {
    [ -e "$tools/installed" ] && return
    need_pypi
    rm -rf "$tools"
    # shellcheck disable=SC2086  # a list
    if ! { python3 -m venv "$tools" && "$tools/bin/pip" install -q --disable-pip-version-check $packages; } >"$tools.log" 2>&1; then
        tail -5 "$tools.log" >&2
        echo "openapi: pip could not install $packages (its reason stands above)" >&2
        exit 1
    fi
    touch "$tools/installed"
}

mkdir -p "$(dirname "$tools")"
install_judges
"$tools/bin/openapi-spec-validator" --validation-errors all "${SES_BUILD:-build-gcc}/api/openapi.json"
SES_TOOLS=$tools exec /usr/bin/python3 -B tests/clients/openapi/test_schemathesis.py
