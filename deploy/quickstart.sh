#!/usr/bin/env bash
# From a bare Debian 12 to a running sessiond: packages, Release build into build/, a sandbox server on 127.0.0.1:8080,
# the documented call over gRPC and over plain curl. Stays in the foreground until Ctrl-C.
#   --once   stop the server after the demonstration; exit 0 only if both answers were right
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

once=no
case "${1:-}" in
--once) once=yes ;;
"") ;;
*) echo "usage: $0 [--once]" >&2; exit 2 ;;
esac

listen=127.0.0.1:8080
admin=127.0.0.1:9090
data=build/sandbox-data
log=build/sandbox.log
clients=build/clients
buf_version=1.75.0

install_packages build demo

echo "== building (Release) into build/" >&2
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DSES_TESTS=OFF >build-configure.log 2>&1 ||
    { cat build-configure.log >&2; exit 1; }
mv build-configure.log build/configure.log
cmake --build build >build/compile.log 2>&1 || { tail -40 build/compile.log >&2; exit 1; }

if ! [ -x "$clients/node_modules/.bin/buf" ]; then
    echo "== fetching buf, a gRPC client that reads the server's reflection" >&2
    mkdir -p "$clients"
    npm install --silent --no-audit --no-fund --prefix "$clients" "@bufbuild/buf@$buf_version" >&2
fi

build/sessiond --sandbox --listen "$listen" --admin "$admin" --data "$data" >"$log" 2>&1 &
server=$!
stop_server() {
    trap - EXIT INT TERM
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || true
}
trap stop_server EXIT
trap 'stop_server; exit 130' INT TERM

for _ in $(seq 150); do
    curl -fsS -o /dev/null "http://$admin/readyz" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { echo "sessiond did not start:" >&2; tail -5 "$log" >&2; exit 1; }
    sleep 0.2
done
curl -fsS -o /dev/null "http://$admin/readyz" || { echo "sessiond is not ready:" >&2; tail -5 "$log" >&2; exit 1; }

# The second call is the same request as the first, so it is answered with the same session.
request='{"merchant_session_id":"session_001","amount":{"minor_amount":10000,"currency":"USD"},
 "browser_info":{"accept_header":"text/html","user_agent":"Mozilla/5.0..."},"test_mode":true}'
config='x-connector-config: {"config":{"Stripe":{"api_key":"sk_test_x"}}}'
printf '%s\n' "$config" >"$clients/headers.txt"

echo "== gRPC, by reflection: types.MerchantAuthenticationService/CreateSessionToken"
grpc_answer=$("$clients/node_modules/.bin/buf" curl --protocol grpc --http2-prior-knowledge \
    -H 'x-connector: stripe' -H "@$clients/headers.txt" -d "$request" \
    "http://$listen/types.MerchantAuthenticationService/CreateSessionToken") || true
printf '%s\n' "$grpc_answer"

echo "== JSON, by curl: the same request"
curl_answer=$(curl -sS --max-time 10 -H 'content-type: application/json' -H 'x-connector: stripe' -H "$config" -d "$request" \
    "http://$listen/types.MerchantAuthenticationService/CreateSessionToken") || true
printf '%s\n' "$curl_answer"

right() {
    printf '%s' "$1" | tr -d ' \n' | grep -Eq '"(session_token|sessionToken)":"sess_v4\.public\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"' &&
        printf '%s' "$1" | tr -d ' \n' | grep -Eq '"(status_code|statusCode)":200'
}
verdict=0
right "$grpc_answer" || { echo "the gRPC answer is not what it should be" >&2; verdict=1; }
right "$curl_answer" || { echo "the JSON answer is not what it should be" >&2; verdict=1; }

if [ "$once" = yes ]; then
    stop_server
    [ $verdict = 0 ] && echo "== both answers are right"
    exit $verdict
fi
cat <<EOF

sessiond runs at http://$listen (log: $log), status page and metrics at http://$admin/ ; Ctrl-C stops it.
EOF
wait "$server"
