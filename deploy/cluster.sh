#!/usr/bin/env bash
# Sessions on PostgreSQL, to try: a primary, its synchronous standby and two sessiond that share them, all on this machine, on free
# ports and in temporary folders. Stays in the foreground until Ctrl-C; lines that are typed there make things fail (it says which).
#   deploy/cluster.sh [BUILD]   BUILD: a directory with built programs; default: build/, built in Release when it is not there
#   --once   plays payments across both machines, kills the primary amidst them, promotes the standby, takes the other node back, checks
#            every session that was acknowledged, stops; exit 0 only if nothing was lost
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

build=build
once=()
for argument in "$@"; do
    case $argument in
    -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    --once) once=(--once) ;;
    -*) echo "cluster: $argument is unknown" >&2; sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
    *) build=$argument ;;
    esac
done

fail() {
    echo "cluster: $*" >&2
    exit 1
}

install_packages cluster
if ! [ -x "$build/sessiond" ] || ! [ -x "$build/sessiondctl" ]; then
    install_packages build
    echo "== building (Release) into $build/" >&2
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSES_TESTS=OFF >/dev/null || fail "cmake found something missing"
    cmake --build "$build" >/dev/null || fail "the build failed: cmake --build $build"
fi
# Debian's interpreter: whatever else is called python3 on the path may be older.
exec /usr/bin/python3 -B deploy/cluster/trial.py "${once[@]}" "$build"
