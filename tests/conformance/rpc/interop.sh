#!/usr/bin/env bash
# interop.sh CLIENT PORT CA: grpc-go's interop client, its cases of unary calls and server streams, and those others that our one bidirectional
# method has the means for. Plain and over TLS. Prints failures, then one line; exit code 1 if a case fails.
set -euo pipefail
client=$1 port=$2 ca=$3
cases=(empty_unary large_unary server_streaming status_code_and_message special_status_message unimplemented_method unimplemented_service
    custom_metadata ping_pong empty_stream cancel_after_first_response timeout_on_sleeping_server)
# What the client has and we do not offer. It has no cases of compression and none that are cacheable.
skipped=(client_streaming cancel_after_begin)
passed=0 failed=0

try() { # try CASE OPTIONS..
    local out
    if out=$(timeout 60 "$client" --server_host=localhost --server_port="$port" --test_case="$1" "${@:2}" 2>&1); then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    printf '  %s failed: %s\n' "$*" "$(tail -2 <<<"$out")"
}

for case in "${cases[@]}"; do
    try "$case" --use_tls=false
    try "$case" --use_tls --use_test_ca --ca_file="$ca" --server_host_override=localhost
done
echo "grpc-go interop: $((passed + failed)) cases, $passed passed, $failed failed, $((2 * ${#skipped[@]})) skipped (client streams are not offered: ${skipped[*]})"
[ "$failed" = 0 ]
