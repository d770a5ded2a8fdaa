#!/usr/bin/env bash
# Installs what the tests need, builds with gcc and with clang (Debug, ASan + UBSan), runs every test by ctest.
#   tests/run.sh             everything: all tests on the gcc build, all but the long ones on the clang build
#   tests/run.sh -R REGEX    arguments go to ctest
# SES_VECTORS names the directory of the PASETO test vectors (default ../shared/vectors); without it their test is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

fail() {
    echo "tests/run.sh: $*" >&2
    exit 1
}

phase() {
    echo "== [$((SECONDS / 60)):$(printf %02d $((SECONDS % 60)))] $*" >&2
}

fetch_clients() {
    local installed=tests/node_modules/.package-lock.json
    [ -e $installed ] && ! [ tests/package-lock.json -nt $installed ] && return
    phase "installing the test clients from npm"
    # Not `npm ci`: newer npms refuse a lock file without the binaries of foreign platforms, which not every registry has.
    # --no-save keeps to the lock file and leaves it as it is.
    npm install --no-save --loglevel=error --no-audit --no-fund --prefix tests >&2 ||
        fail "npm could not install what tests/package.json names (its reason stands above): is its registry within reach?"
    tests/node_modules/.bin/buf --version >/dev/null || fail "npm left out the program of @bufbuild/buf: remove tests/node_modules, try again"
}

build() { # build DIR COMPILER
    phase "building with $2 into $1/"
    command -v "$2" >/dev/null || fail "no $2 on the path, though its package is installed"
    mkdir -p "$1"
    CC=$2 cmake -S . -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSES_SANITIZE=address,undefined >"$1/configure.log" 2>&1 || {
        tail -30 "$1/configure.log" >&2
        fail "cmake found something missing; all of its output: $1/configure.log"
    }
    cmake --build "$1" >"$1/compile.log" 2>&1 || {
        grep -E -A3 'error:|FAILED:|warning:|undefined reference' "$1/compile.log" | head -60 >&2 || tail -40 "$1/compile.log" >&2
        fail "the build with $2 failed; all of its output: $1/compile.log"
    }
}

run_tests() { # run_tests DIR ARGUMENTS..: one test for each processor at a time, but for those that must run alone
    phase "ctest in $1/"
    ctest --test-dir "$1" --output-on-failure --parallel "$(nproc)" "${@:2}"
}

install_packages build demo test journey
fetch_clients
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
build build-gcc gcc
build build-clang clang
run_tests build-gcc --no-tests=error "$@"
# What was asked for may be long tests alone.
no_tests=$([ $# -gt 0 ] && echo ignore || echo error)
run_tests build-clang "--no-tests=$no_tests" -LE long "$@"
phase "all tests have passed"
