#!/usr/bin/env bash
# From a bare Debian 12 to a running sessiond: packages, Release build into build/, a sandbox server on 127.0.0.1:8080,
# the documented call over gRPC, over gRPC with TLS as the platform's reference page makes it, and over plain curl. Stays in the foreground until Ctrl-C.
#   deploy/quickstart.sh [--once]   --once: stop the server after the demonstration; exit 0 only if all answers were right
# SES_LISTEN, SES_ADMIN and SES_SIMULATOR name other addresses than 127.0.0.1:8080 (clients), :9090 (admin) and :8090 (the simulated connectors and bank).
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

once=no
case "${1:-}" in
--once) once=yes ;;
-h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
"") ;;
*) echo "quickstart: $1 is unknown" >&2; sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
esac

listen=${SES_LISTEN:-127.0.0.1:8080}
admin=${SES_ADMIN:-127.0.0.1:9090}
simulator=${SES_SIMULATOR:-127.0.0.1:8090}
data=build/sandbox-data
log=build/sandbox.log
clients=build/clients
buf=$clients/node_modules/.bin/buf
buf_version=1.75.0
path=types.MerchantAuthenticationService/CreateSessionToken
ready_seconds=120

fail() {
    echo "quickstart: $*" >&2
    exit 1
}

# Somebody else's server there would answer in ours' place.
refuse_taken() { # refuse_taken ADDRESS:PORT VARIABLE
    # The brackets of an IPv6 address belong to the address, not to the host.
    local host=${1%:*}
    host=${host#[} host=${host%]}
    if (exec 3<>"/dev/tcp/$host/${1##*:}") 2>/dev/null; then
        fail "something listens on $1 already; stop it, or choose another address: $2=127.0.0.1:PORT $0"
    fi
}

build_server() {
    echo "== building (Release) into build/" >&2
    mkdir -p build
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DSES_TESTS=OFF >build/configure.log 2>&1 || {
        tail -30 build/configure.log >&2
        fail "cmake found something missing; all of its output: build/configure.log"
    }
    cmake --build build >build/compile.log 2>&1 || {
        grep -E -A3 'error:|FAILED:' build/compile.log | head -40 >&2 || tail -40 build/compile.log >&2
        fail "the build failed; all of its output: build/compile.log"
    }
}

fetch_buf() {
    "$buf" --version 2>/dev/null | grep -qx "$buf_version" && return
    echo "== fetching buf, a gRPC client that reads the server's reflection" >&2
    mkdir -p "$clients"
    npm install --loglevel=error --no-audit --no-fund --no-save --prefix "$clients" "@bufbuild/buf@$buf_version" >&2 ||
        fail "npm could not fetch @bufbuild/buf (its reason stands above): is its registry within reach?"
}

server=
stop_server() {
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null || true
    # A wait that a signal cuts short is no end.
    while kill -0 "$server" 2>/dev/null; do wait "$server" || true; done
    server=
}

start_server() {
    build/sessiond --sandbox --simulator "$simulator" --listen "$listen" --admin "$admin" --data "$data" >"$log" 2>&1 &
    server=$!
    trap stop_server EXIT
    trap 'stop_server; exit 130' INT
    trap 'stop_server; exit 143' TERM
    local end=$((SECONDS + ready_seconds))
    until curl -fsS --max-time 5 -o /dev/null "http://$admin/readyz" 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || { tail -5 "$log" >&2; fail "sessiond did not start; its last words stand above"; }
        [ $SECONDS -lt $end ] || { tail -5 "$log" >&2; fail "sessiond is not ready after $ready_seconds s (log: $log)"; }
        sleep 0.1
    done
    kill -0 "$server" 2>/dev/null || { tail -5 "$log" >&2; fail "sessiond ended; its last words stand above"; }
}

# As the reference page has it: TLS to localhost, the server checked against SSL_CERT_FILE. grpcurl where it is on the path, else
# buf, which is a Go program too and reads the same variable.
demonstrate_tls() { # demonstrate_tls HEADER REQUEST
    local port=${listen##*:} ca=$PWD/$data/dev/ca.pem
    if command -v grpcurl >/dev/null; then
        echo "== gRPC over TLS, by grpcurl: SSL_CERT_FILE=$ca grpcurl .. localhost:$port $path"
        tls_answer=$(SSL_CERT_FILE=$ca timeout 120 grpcurl -H 'x-connector: stripe' -H "$1" -d "$2" "localhost:$port" "$path") || true
    else
        echo "== gRPC over TLS, by buf as there is no grpcurl: SSL_CERT_FILE=$ca buf curl .. https://localhost:$port/$path"
        tls_answer=$(SSL_CERT_FILE=$ca timeout 120 "$buf" curl --protocol grpc -H 'x-connector: stripe' -H "@$clients/headers.txt" -d "$2" \
            "https://localhost:$port/$path") || true
    fi
    printf '%s\n' "$tls_answer"
}

# The later calls are the same request as the first, so they are answered with the same session.
demonstrate() {
    local config='x-connector-config: {"config":{"Stripe":{"api_key":"sk_test_x"}}}'
    local request='{"merchant_session_id":"session_001","amount":{"minor_amount":10000,"currency":"USD"},
 "browser_info":{"accept_header":"text/html","user_agent":"Mozilla/5.0..."},"test_mode":true}'

    # buf reads the values of -H as CSV, which JSON is not; from a file it takes them as they are.
    printf '%s\n' "$config" >"$clients/headers.txt"
    echo "== gRPC, by reflection: $path"
    grpc_answer=$(timeout 120 "$buf" curl --protocol grpc --http2-prior-knowledge -H 'x-connector: stripe' \
        -H "@$clients/headers.txt" -d "$request" "http://$listen/$path") || true
    printf '%s\n' "$grpc_answer"

    demonstrate_tls "$config" "$request"

    echo "== JSON, by curl: the same request"
    curl_answer=$(curl -sS --max-time 120 -H 'content-type: application/json' -H 'x-connector: stripe' -H "$config" \
        -d "$request" "http://$listen/$path") || true
    printf '%s\n' "$curl_answer"
}

right() { # right ANSWER
    local text
    text=$(printf '%s' "$1" | tr -d ' \n')
    grep -Eq '"(session_token|sessionToken)":"sess_v4\.public\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"' <<<"$text" &&
        grep -Eq '"(status_code|statusCode)":200[,}]' <<<"$text"
}

refuse_taken "$listen" SES_LISTEN
refuse_taken "$admin" SES_ADMIN
refuse_taken "$simulator" SES_SIMULATOR
install_packages build demo
build_server
fetch_buf
start_server
demonstrate

verdict=0
right "$grpc_answer" || { echo "quickstart: the gRPC answer is not what it should be" >&2; verdict=1; }
right "$tls_answer" || { echo "quickstart: the gRPC answer over TLS is not what it should be" >&2; verdict=1; }
right "$curl_answer" || { echo "quickstart: the JSON answer is not what it should be" >&2; verdict=1; }

if [ "$once" = yes ]; then
    stop_server
    [ $verdict = 0 ] && echo "== all answers are right"
    exit "$verdict"
fi
echo
echo "sessiond runs at http://$listen (log: $log), status page and metrics at http://$admin/ , the simulated bank at http://$simulator (docs/sandbox.md); Ctrl-C stops it."
echo "A shop, a bank and a payment server behind sessiond, to click through:  deploy/demo/run.sh build"
echo "For the commands of README.md, in another terminal here:  export PATH=\"$PWD/build:$PWD/$clients/node_modules/.bin:\$PATH\""
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM
while :; do
    status=0
    wait "$server" || status=$?
    # A signal ends the wait before it ends the server.
    kill -0 "$server" 2>/dev/null || break
done
server=
echo "== sessiond has stopped"
exit "$status"
