#!/usr/bin/env bash
# The Debian package in a clean Debian 12: installed, started, called, upgraded while it runs, removed, purged.
#   tests/package/run.sh        needs root, the network and debootstrap; exit 77 where one of them is missing, and says which
# Writes to build-package/ and to a tree of its own in $TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/packages.sh

suite=bookworm
mirror=${SES_MIRROR:-http://deb.debian.org/debian}
# Two that nobody listens on, below the kernel's range for outgoing connections.
read -r port admin < <(python3 -c '
import random, socket
free = []
while len(free) < 2:
    port = random.randrange(12000, 32000)
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)) != 0:
            free.append(port)
print(*free)')

skip() {
    echo "tests/package/run.sh: skipped: $*" >&2
    exit 77
}

fail() {
    echo "tests/package/run.sh: $*" >&2
    [ ! -e "$tree/tmp/sessiond.log" ] || tail -20 "$tree/tmp/sessiond.log" >&2
    exit 1
}

phase() {
    echo "== [$((SECONDS / 60)):$(printf %02d $((SECONDS % 60)))] $*" >&2
}

[ "$(id -u)" = 0 ] || skip "debootstrap and chroot need root"
install_packages build test package || skip "no debootstrap or dpkg-dev"
tree=$(mktemp -d "${TMPDIR:-/tmp}/sessiond-package.XXXXXX")
chmod 755 "$tree" # it is the root of the service's user, too
server=

# The supervisor's process id, as the data directory's lock names it.
pid() {
    head -n 1 "$tree/var/lib/sessiond/lock" 2>/dev/null || true
}

leave() {
    if [ -n "$server" ] && [ -n "$(pid)" ]; then
        kill -TERM "$(pid)" 2>/dev/null || true
        wait "$server" || true
    fi
    umount "$tree/proc" 2>/dev/null || true
    rm -rf --one-file-system "$tree"
}
trap leave EXIT

# build_deb VERSION: build-package/sessiond_VERSION_amd64.deb
build_deb() {
    phase "building the package, version $1"
    cmake -S . -B build-package -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DSES_TESTS=OFF -DSES_BENCH=OFF >build-package/log 2>&1 ||
        { tail -20 build-package/log >&2; fail "cmake failed"; }
    cmake --build build-package >>build-package/log 2>&1 || { tail -20 build-package/log >&2; fail "the build failed"; }
    (cd build-package && cpack -G DEB -D CPACK_PACKAGE_VERSION="$1") >>build-package/log 2>&1 || { tail -20 build-package/log >&2; fail "cpack failed"; }
    cp build-package/sessiond_"$1"_*.deb "$tree/tmp/"
}

inside() {
    chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

apt_install() {
    inside apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >"$tree/tmp/apt.log" 2>&1 || { tail -20 "$tree/tmp/apt.log" >&2; fail "apt-get install $*"; }
}

wait_for() { # wait_for WHAT COMMAND..
    local what=$1 end=$((SECONDS + 120))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "waited in vain for $what"
        sleep 0.2
    done
}

ready() {
    kill -0 "$server" 2>/dev/null || fail "the server has ended"
    inside curl -fsS --max-time 5 -o /dev/null "http://127.0.0.1:$admin/readyz" 2>/dev/null
}

# call ID: the token of the documented call.
call() {
    inside curl -sS --max-time 60 -H 'content-type: application/json' -H 'x-connector: adyen' \
        -H 'x-connector-config: {"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}' \
        -d '{"merchant_session_id":"'"$1"'","amount":{"minor_amount":10000,"currency":"USD"},"test_mode":true}' \
        "http://127.0.0.1:$port/types.MerchantAuthenticationService/CreateSessionToken" | sed -n 's/.*"\(sess_v4[^"]*\)".*/\1/p'
}

mkdir -p build-package
phase "a clean $suite in a tree of its own"
debootstrap --variant=minbase --include=ca-certificates,curl,procps "$suite" "$tree" "$mirror" >build-package/log 2>&1 ||
    { tail -5 build-package/log >&2; skip "debootstrap could not make the tree"; }
mount -t proc proc "$tree/proc"
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
build_deb 0.1.0
build_deb 0.1.1

phase "install"
apt_install /tmp/sessiond_0.1.0_amd64.deb
[ "$(inside stat -c '%U:%G %a' /var/lib/sessiond)" = "sessiond:sessiond 700" ] || fail "/var/lib/sessiond is not sessiond's alone"
[ "$(inside stat -c '%U:%G %a' /etc/sessiond/sessiond.yaml)" = "root:sessiond 640" ] || fail "the configuration has another owner or mode"
inside getent passwd sessiond >/dev/null || fail "no user sessiond"
sed -i "s/:8080/:$port/; s/:9090/:$admin/" "$tree/etc/sessiond/sessiond.yaml"
inside sessiond --version >&2

phase "start, as the service's user, and call"
inside setpriv --reuid=sessiond --regid=sessiond --init-groups sessiond --config /etc/sessiond/sessiond.yaml >"$tree/tmp/sessiond.log" 2>&1 &
server=$!
wait_for "readiness" ready
first=$(call package-first)
[ -n "$first" ] || fail "no token"

phase "upgrade while it runs"
apt_install /tmp/sessiond_0.1.1_amd64.deb
# shellcheck disable=SC2016  # dpkg-query's own ${}
[ "$(inside dpkg-query -W -f '${Version}' sessiond)" = 0.1.1 ] || fail "the package was not upgraded"
grep -q ":$port" "$tree/etc/sessiond/sessiond.yaml" || fail "the upgrade took the operator's configuration"
before=$(pid)
kill -USR2 "$before"
replaced() { grep -q '"event":"upgraded"' "$tree/tmp/sessiond.log"; }
wait_for "the new program" replaced
[ "$(pid)" = "$before" ] || fail "the process id has changed"
kill -0 "$before" || fail "the server has ended"
wait_for "readiness after the upgrade" ready
second=$(call package-first)
[ -n "$second" ] || fail "the session was lost in the upgrade"

phase "stop, remove, purge"
kill -TERM "$(pid)"
wait "$server" || fail "the server ended badly"
server=
inside apt-get -q -y remove sessiond >"$tree/tmp/apt.log" 2>&1 || fail "apt-get remove"
[ ! -e "$tree/usr/sbin/sessiond" ] || fail "the program is still there"
[ -e "$tree/etc/sessiond/sessiond.yaml" ] || fail "removal took the configuration"
inside apt-get -q -y purge sessiond >"$tree/tmp/apt.log" 2>&1 || fail "apt-get purge"
[ ! -e "$tree/etc/sessiond" ] || fail "purge left the configuration"
[ -d "$tree/var/lib/sessiond/shards" ] || fail "purge took the sessions"
phase "the package has passed"
