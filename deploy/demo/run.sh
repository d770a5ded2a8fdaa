#!/usr/bin/env bash
# A demonstration of a whole payment: a shop, a bank's challenge page (the code is 1234), a sessiond in sandbox mode and behind it a simulated
# payment server, all on this machine, on free ports: beside a running quickstart or a second demonstration. Stays in the foreground until Ctrl-C.
#   deploy/demo/run.sh [BUILD]   BUILD: a directory with built programs; default: build/, built in Release when it is not there
#   --once   stop when all of it runs
# shellcheck disable=SC2317  # stop_all is called by traps
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/packages.sh

build=build
once=no
for argument in "$@"; do
    case $argument in
    -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
    --once) once=yes ;;
    -*) echo "demo: $argument is unknown" >&2; sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
    *) build=$argument ;;
    esac
done

fail() {
    echo "demo: $*" >&2
    exit 1
}

# The first port from PREFERRED on that nobody listens on and that is not among those taken here.
taken=" "
free_port() { # free_port PREFERRED: into $port
    for port in $(seq "$1" $(($1 + 99))); do
        case $taken in *" $port "*) continue ;; esac
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            taken="$taken$port "
            return
        fi
    done
    fail "no port from $1 to $port is free"
}

free_port 8080; listen=127.0.0.1:$port
free_port 9090; admin=127.0.0.1:$port
free_port 8090; bank=127.0.0.1:$port
free_port 8070; shop_port=$port
free_port 8060; payments=127.0.0.1:$port

if ! [ -x "$build/sessiond" ] || ! [ -x "$build/sessiond-sim" ]; then
    install_packages build demo
    echo "== building (Release) into $build/" >&2
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSES_TESTS=OFF >/dev/null || fail "cmake found something missing"
    cmake --build "$build" >/dev/null || fail "the build failed: cmake --build $build"
fi
install_packages demo shop

mkdir -p "$build"
data=$(mktemp -d "$build/demo-data-XXXXXX")
cat >"$data/demo.yaml" <<YAML
redirect:
  public_url: http://localhost:${listen##*:}
upstream:
  grpc: $payments
YAML

pids=()
simulator=
keep=no
stop_all() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    [ -z "$simulator" ] || kill -INT "$simulator" 2>/dev/null || true # a payment server of this kind never ends by TERM
    wait || true
    [ "$keep" = yes ] || rm -rf "$data"
}
trap stop_all EXIT
trap 'stop_all; exit 130' INT TERM

"$build/sessiond-sim" --listen "$bank" >"$data/bank.log" 2>&1 &
pids+=($!)
ACS_URL=http://$bank/acs/challenge /usr/bin/python3 -B tests/integration/upstream_sim.py "${payments##*:}" >"$data/payments.log" 2>&1 &
simulator=$!
"$build/sessiond" --sandbox --listen "$listen" --admin "$admin" --data "$data/sessions" --config "$data/demo.yaml" >"$data/sessiond.log" 2>&1 &
server=$!
pids+=("$server")
SHOP_PORT=$shop_port SESSIOND_URL=http://$listen node deploy/demo/shop.mjs >"$data/shop.log" 2>&1 &
pids+=($!)

# wait_for NAME PID URL: each must run and answer; otherwise its last words.
wait_for() {
    for _ in $(seq 600); do
        kill -0 "$2" 2>/dev/null || { keep=yes; tail -5 "$data/$1.log" >&2; fail "$1 did not start; its last words stand above (log: $data/$1.log)"; }
        curl -fsS --max-time 5 -o /dev/null "$3" 2>/dev/null && return
        sleep 0.2
    done
    keep=yes
    fail "$1 is not ready at $3 (log: $data/$1.log)"
}
wait_for bank "${pids[0]}" "http://$bank/healthz"
wait_for sessiond "$server" "http://$admin/readyz"
wait_for shop "${pids[2]}" "http://localhost:$shop_port/"
cat <<TEXT

Open http://localhost:$shop_port in a browser on this machine. The bank is at http://$bank , sessiond at http://$listen , its status page at
http://$admin/ , the payment server (upstream.grpc) at $payments . A payment's story: $build/sessiondctl --data $data/sessions session show ID --test
Ctrl-C stops everything.
TEXT
[ "$once" = no ] || exit 0
status=0
wait "$server" || status=$?
keep=yes
echo "demo: sessiond has ended ($status), its log is $data/sessiond.log" >&2
exit 1
