#!/usr/bin/env bash
# Installs Debian 12 packages that are missing; sourced by the other scripts, or run with lists' names:
#   deploy/packages.sh build|demo|shop|test|cluster|patroni|pooler|journey|proxy|package|clients|peer|lint ...
# Needs the network and root (or sudo) only when something is missing.
set -euo pipefail

# shellcheck disable=SC2034  # the lists are read by name
{
packages_build="ca-certificates cmake gcc libc6-dev libcurl4-openssl-dev libcyaml-dev libjansson-dev liblmdb-dev
  libnghttp2-dev libpq-dev libprotobuf-c-dev libseccomp-dev libsodium-dev libssl-dev libuv1-dev libyaml-dev ninja-build node-llhttp pkg-config
  protobuf-c-compiler protobuf-compiler python3 zlib1g-dev"
packages_demo="curl nodejs npm"
packages_shop="python3 python3-h2"
packages_test="clang git iproute2 libclang-rt-14-dev libcmocka-dev nghttp2-client openssl procps python3 python3-grpcio python3-h2
  python3-protobuf strace systemd valgrind"
packages_cluster="openssl postgresql-15 python3 util-linux"
packages_patroni="etcd-server patroni postgresql-15 python3-etcd"
packages_pooler="pgbouncer postgresql-15"
packages_journey="chromium"
packages_proxy="apache2-bin haproxy nginx-light"
packages_package="debootstrap dpkg-dev"
packages_clients="cmake g++ libcurl4-openssl-dev libgrpc++-dev libprotobuf-dev pkg-config protobuf-compiler protobuf-compiler-grpc"
packages_peer="g++ libabsl-dev libgrpc++-dev libpq-dev libprotobuf-dev postgresql-15 protobuf-compiler-grpc"
packages_lint="clang-format-14 clang-tidy-14 cppcheck git python3 shellcheck"
}
# Another apt-get (a fresh machine runs its own upgrades) is waited for this long.
apt_wait_seconds=600

# True when the package is installed, or when a program of that name serves as well (a newer node from elsewhere).
have_package() {
    case "$1" in
    nodejs) command -v node >/dev/null && return 0 ;;
    npm) command -v npm >/dev/null && return 0 ;;
    esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# run_apt ARGUMENTS..: as root or by sudo. Nobody asked for a web server on this machine's port 80: services of what is installed are not
# started (policy-rc.d(8)).
run_apt() {
    local policy=/usr/sbin/policy-rc.d
    local -a run=(/bin/sh -c "[ -e $policy ] || { printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy && trap 'rm -f $policy' EXIT; }; \"\$@\"" sh)
    local -a apt=("${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o "DPkg::Lock::Timeout=$apt_wait_seconds"
        -o Dpkg::Use-Pty=0 -o APT::Update::Error-Mode=any "$@")
    [ "$(id -u)" = 0 ] || apt=(sudo "${apt[@]}")
    # dpkg says three lines a package; they matter only when it fails.
    local log status=0
    log=$(mktemp)
    "${apt[@]}" >"$log" 2>&1 || { status=$?; tail -40 "$log" >&2; }
    rm -f "$log"
    return $status
}

# install_packages LIST..: installs what is missing of the named lists.
install_packages() {
    local list name names
    local -a missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "sessiond: this script installs Debian 12 packages and finds no apt-get here" >&2
        return 1
    fi
    for list in "$@"; do
        names="packages_$list"
        for name in ${!names-}; do
            have_package "$name" || missing+=("$name")
        done
        [ -n "${!names-}" ] || { echo "sessiond: no package list is called $list" >&2; return 2; }
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "sessiond: packages are missing, and neither root nor sudo is at hand; as root: apt-get install ${missing[*]}" >&2
        return 1
    fi
    echo "== installing ${missing[*]}" >&2
    # A foreign source that does not answer fails this too: what is wanted may be at hand nevertheless.
    run_apt update -qq || echo "sessiond: apt-get update failed (its reason stands above); trying with the lists of before" >&2
    run_apt install -y -qq --no-install-recommends "${missing[@]}" || {
        echo "sessiond: could not install ${missing[*]} (apt-get's reason stands above): packages of Debian 12; is the network there?" >&2
        return 1
    }
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# -gt 0 ] || { echo "usage: $0 build|demo|shop|test|cluster|patroni|pooler|journey|proxy|package|clients|peer|lint ..." >&2; exit 2; }
    install_packages "$@"
fi
