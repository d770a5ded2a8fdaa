#!/usr/bin/env bash
# connect-go, of the version in go.mod, whose sums go checks. It goes to tests/tools/, where it stays. Exit code 77: no Go, or none of the version
# that go.mod asks for and no proxy to get it from. SES_BUILD: the build that is tried.
set -euo pipefail
cd "$(dirname "$0")/../../.."
source=tests/clients/connect-go
sum=$(cat $source/go.mod $source/go.sum $source/main.go | sha256sum | cut -c1-16)
program=$PWD/tests/tools/connect-go-$sum

build_program() {
    local go cache
    [ -x "$program" ] && return
    go=$(command -v go || command -v /usr/local/go/bin/go) || {
        echo "connect-go: there is no Go (https://go.dev/dl)" >&2
        exit 77
    }
    # Sources and objects of some hundred megabytes are of no use afterwards.
    cache=$(mktemp -d)
    mkdir -p tests/tools
    if ! GOPATH=$cache GOCACHE=$cache/build GOFLAGS=-modcacherw "$go" build -C $source -o "$program" . >"$cache/log" 2>&1; then
        tail -5 "$cache/log" >&2
        rm -rf "$cache"
        echo "connect-go: go could not build it (its reason stands above): is its proxy within reach?" >&2
        exit 77
    fi
    rm -rf "$cache"
}

build_program
SES_CONNECT_GO=$program exec /usr/bin/python3 -B $source/test_connect_go.py
