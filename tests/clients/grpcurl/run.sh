#!/usr/bin/env bash
# The reference page's call by the real grpcurl, of the version below, which `go install` checks against Go's checksum database. It goes to
# tests/tools/, where it stays. Exit code 77: no Go, or no module proxy. SES_BUILD: the build that is tried.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
version=v1.9.4
tools=$PWD/tests/tools/grpcurl-$version

install_grpcurl() {
    local cache
    [ -x "$tools/grpcurl" ] && return
    need_go
    # Sources and objects of some hundred megabytes are of no use afterwards.
    cache=$(mktemp -d)
    mkdir -p "$tools"
    if ! GOPATH=$cache GOCACHE=$cache/build GOFLAGS=-modcacherw GOBIN=$tools \
        go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$version" >"$cache/log" 2>&1; then
        tail -5 "$cache/log" >&2
        rm -rf "$cache"
        echo "grpcurl: go could not install $version: its reason stands above" >&2
        exit 1
    fi
    rm -rf "$cache"
}

install_grpcurl
SES_GRPCURL=$tools/grpcurl exec /usr/bin/python3 -B tests/clients/grpcurl/test_reference_call.py
