#!/usr/bin/env bash
# Installs what the tests need, builds with gcc and with clang (Debug, ASan + UBSan), runs every test by ctest.
#   tests/run.sh             everything: all tests on the gcc build, all but the long ones on the clang build
#   tests/run.sh -R REGEX    arguments go to ctest
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

install_packages build demo test journey
if ! [ -e tests/node_modules/.package-lock.json ] || [ tests/package-lock.json -nt tests/node_modules/.package-lock.json ]; then
    echo "== installing the test clients from npm" >&2
    npm ci --silent --no-audit --no-fund --prefix tests
fi

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
export SES_VECTORS="${SES_VECTORS:-$(cd .. && pwd)/shared/vectors}"

build() { # build DIR COMPILER
    echo "== building with $2 into $1/" >&2
    CC=$2 cmake -S . -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSES_SANITIZE=address,undefined >"$1-configure.log" 2>&1 ||
        { cat "$1-configure.log" >&2; exit 1; }
    mv "$1-configure.log" "$1/configure.log"
    cmake --build "$1" >"$1/compile.log" 2>&1 || { grep -E 'error|FAILED|warning' -A3 "$1/compile.log" | head -60 >&2; exit 1; }
}

build build-gcc gcc
build build-clang clang
ctest --test-dir build-gcc --output-on-failure --no-tests=error "$@"
ctest --test-dir build-clang --output-on-failure --no-tests=error -LE long "$@"
