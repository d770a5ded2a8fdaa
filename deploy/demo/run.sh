#!/usr/bin/env bash
# A demonstration of a whole payment: a shop (http://localhost:8070), a bank's challenge page (http://127.0.0.1:8090, the code is 1234)
# and a sessiond in sandbox mode (127.0.0.1:8080), all on this machine. Stays in the foreground until Ctrl-C.
#   deploy/demo/run.sh [BUILD]   BUILD: a directory with built programs; default: build/, built in Release when it is not there
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/packages.sh

build=${1:-build}
listen=127.0.0.1:8080
admin=127.0.0.1:9090
bank=127.0.0.1:8090
shop_port=8070
data=$build/demo-data

if ! [ -x "$build/sessiond" ] || ! [ -x "$build/sessiond-sim" ]; then
    install_packages build demo
    echo "== building (Release) into $build/" >&2
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSES_TESTS=OFF >/dev/null
    cmake --build "$build" >/dev/null
fi
install_packages demo

mkdir -p "$data"
cat >"$data/demo.yaml" <<YAML
redirect:
  public_url: http://localhost:${listen##*:}
YAML

pids=()
stop_all() {
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    wait || true
}
trap stop_all EXIT
trap 'stop_all; exit 130' INT TERM

"$build/sessiond-sim" --listen "$bank" >"$data/bank.log" 2>&1 &
pids+=($!)
"$build/sessiond" --sandbox --listen "$listen" --admin "$admin" --data "$data/sessions" --config "$data/demo.yaml" >"$data/sessiond.log" 2>&1 &
server=$!
pids+=("$server")
for _ in $(seq 150); do
    curl -fsS -o /dev/null "http://$admin/readyz" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { echo "sessiond did not start:" >&2; tail -5 "$data/sessiond.log" >&2; exit 1; }
    sleep 0.2
done
SHOP_PORT=$shop_port SESSIOND_URL=http://$listen ACS_URL=http://$bank/acs/challenge node deploy/demo/shop.mjs &
pids+=($!)
cat <<TEXT

Open http://localhost:$shop_port in a browser on this machine. Status page: http://$admin/ . Ctrl-C stops everything.
TEXT
wait "$server"
