#!/usr/bin/env bash
# Installs Debian 12 packages that are missing; sourced by the other scripts, or run with a list's name:
#   deploy/packages.sh build|demo|test|journey|lint
# Needs root or sudo only when something is missing.
set -euo pipefail

packages_build="ca-certificates clang cmake curl gcc libc6-dev libcurl4-openssl-dev libcyaml-dev libjansson-dev liblmdb-dev
  libnghttp2-dev libprotobuf-c-dev libprotobuf-dev libsodium-dev libssl-dev libuv1-dev libyaml-dev ninja-build node-llhttp pkg-config
  protobuf-c-compiler protobuf-compiler zlib1g-dev"
packages_demo="nodejs npm"
packages_test="git libclang-rt-14-dev libcmocka-dev nghttp2-client procps python3 python3-grpcio python3-h2 python3-protobuf valgrind"
packages_journey="chromium"
packages_lint="clang-format clang-tidy cppcheck"

# True when the package is installed, or when a program of that name serves as well (a newer node from elsewhere).
have_package() {
    case "$1" in
    nodejs) command -v node >/dev/null && return 0 ;;
    npm) command -v npm >/dev/null && return 0 ;;
    esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "sessiond: packages are missing and neither root nor sudo is at hand; install: $*" >&2
        return 1
    fi
}

# install_packages LIST..: installs what is missing of the named lists.
install_packages() {
    local list name names missing=""
    for list in "$@"; do
        names="packages_$list"
        for name in ${!names}; do
            have_package "$name" || missing="$missing $name"
        done
    done
    [ -z "$missing" ] && return 0
    echo "== installing:$missing" >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # shellcheck disable=SC2086  # a list of words on purpose
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# -gt 0 ] || { echo "usage: $0 build|demo|test|journey|lint ..." >&2; exit 2; }
    install_packages "$@"
fi
