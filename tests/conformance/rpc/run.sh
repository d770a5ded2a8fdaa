#!/usr/bin/env bash
# The protocols' own suites against our doors, codecs and exchange (server/, testee/). Ends with one line a suite. SES_BUILD: the build whose
# libraries are tried. What the suites need goes to tests/tools/, where it stays. Exit code 77: none of them could run.
#
#   connectconformance, grpc-go's interop client, h2spec   by `go install`, which checks against Go's checksum database; need Go
#   ProtoJSON                                              protobuf's conformance_test_runner, built from Debian's source package; needs g++
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/tests/conformance/rpc
build=${SES_BUILD:-$PWD/build-gcc}
connect=v1.0.7 grpc=v1.76.0 h2spec=v2.2.1+incompatible protobuf=3.21.12
tools=$PWD/tests/tools/suites-$connect-$grpc-$h2spec-$protobuf
generated=$build/suites
plugin=$PWD/proto/plugin/protoc-gen-sesc
failed=""
ran=0
lines=()
scratch=$(mktemp -d)
background=()

clean() {
    [ ${#background[@]} = 0 ] || kill "${background[@]}" 2>/dev/null || true
    rm -rf "$scratch"
}
trap clean EXIT

generate() { # generate ARGUMENTS OF PROTOC..
    protoc "--plugin=protoc-gen-sesc=$plugin" "--sesc_out=$generated" "$@"
}

# ---- what is installed once

install_go_suites() {
    local go cache
    [ -e "$tools/go-done" ] && return
    go=$(command -v go || command -v /usr/local/go/bin/go) || return 77
    # Sources and objects of some hundred megabytes are of no use afterwards.
    cache=$scratch/go
    mkdir -p "$tools" "$cache/protos"
    export GOPATH=$cache GOCACHE=$cache/build GOFLAGS=-modcacherw GOBIN=$tools
    timeout 900 "$go" install "connectrpc.com/conformance/cmd/connectconformance@$connect" &&
        timeout 900 "$go" install "google.golang.org/grpc/interop/client@$grpc" &&
        timeout 900 "$go" install "github.com/summerwind/h2spec/cmd/h2spec@$h2spec" &&
        cp -r "$cache/pkg/mod/connectrpc.com/conformance@$connect/proto" "$tools/" &&
        cp "$here/protos/main.go" "$cache/protos/" &&
        (cd "$cache/protos" && "$go" mod init suites && timeout 900 "$go" get "google.golang.org/grpc@$grpc" && "$go" run . >"$tools/grpc_testing.protoset") || return 1
    chmod -R u+w "$tools/proto"
    rm -rf "$cache"
    touch "$tools/go-done"
}

# By lists and archives of our own: the machine's know no sources, and are root's.
fetch_protobuf() { # fetch_protobuf DIR
    local options sources
    mkdir -p "$1/lists/partial" "$1/archives/partial"
    sources=$1/debian.sources
    sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$sources" 2>/dev/null || return 1
    options=(-qq -o "Dir::State::lists=$1/lists" -o "Dir::Cache::archives=$1/archives" -o "Dir::Cache=$1" -o "Dir::Etc::sourcelist=$sources"
        -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root)
    (cd "$1" && timeout 300 apt-get "${options[@]}" update && timeout 300 apt-get "${options[@]}" source --download-only protobuf) || return 1
    tar -xzf "$1/protobuf_$protobuf.orig.tar.gz" -C "$1" --wildcards '*/conformance/*' '*/src/google/protobuf/stubs/*.h' '*/src/google/protobuf/test_messages_proto*.proto'
}

install_runner() {
    local source
    [ -x "$tools/conformance_test_runner" ] && return
    command -v g++ >/dev/null && [ -e /usr/include/google/protobuf/message.h ] || return 77
    mkdir -p "$tools"
    fetch_protobuf "$scratch/protobuf" || return 77
    source=$(echo "$scratch"/protobuf/protobuf-*/)
    (
        cd "$source"
        mkdir out
        protoc -I src -I conformance --cpp_out=out conformance/conformance.proto src/google/protobuf/test_messages_proto3.proto src/google/protobuf/test_messages_proto2.proto
        g++ -w -O1 -std=c++17 -I out -I conformance -I src -o out/runner conformance/conformance_test{,_main,_runner}.cc conformance/{binary_json,text_format}_conformance_suite.cc \
            conformance/third_party/jsoncpp/jsoncpp.cpp out/conformance.pb.cc out/google/protobuf/test_messages_proto{2,3}.pb.cc -lprotobuf -pthread
    ) || return 1
    mkdir -p "$tools/protobuf/google/protobuf" "$tools/protobuf/conformance"
    cp "$source/conformance/conformance.proto" "$tools/protobuf/conformance/"
    cp "$source/src/google/protobuf/test_messages_proto3.proto" "$tools/protobuf/google/protobuf/"
    cp "$source/out/runner" "$tools/conformance_test_runner"
}

install() { # install FUNCTION NAME: 0, or 1 with a line
    local status=0
    "$1" >"$scratch/log" 2>&1 || status=$?
    case $status in
    0) return 0 ;;
    77) lines+=("$2: not run: its toolchain is missing, or nothing could be fetched ($(tail -1 "$scratch/log"))") ;;
    *)
        tail -20 "$scratch/log" >&2
        lines+=("$2: not run: it could not be installed (the reason stands above)")
        failed="$failed $1"
        ;;
    esac
    return 1
}

# ---- what is built each time

build_target() { # build_target NAME
    cmake -S . -B "$build" -DSES_SUITES_DIR="$generated" >"$scratch/log" 2>&1 && cmake --build "$build" --target "$1" >"$scratch/log" 2>&1 && return
    grep -E -A3 'error|FAILED' "$scratch/log" | head -40 >&2
    echo "suites: $1 does not build; SES_BUILD is $build" >&2
    exit 1
}

run() { # run NAME COMMAND..: its last line is the suite's
    local status=0
    echo "== $1"
    "${@:2}" >"$scratch/out" 2>&1 || status=$?
    cat "$scratch/out"
    ran=$((ran + 1))
    lines+=("$(tail -1 "$scratch/out")")
    [ $status = 0 ] || failed="$failed $1"
}

connect() { # connect OUTPUT OPTIONS..
    timeout 600 "$tools/connectconformance" --mode server --conf "$here/features.yaml" "${@:2}" -- "$build/suites_server" --suite "$scratch/tls" >"$1" 2>&1
}

# Some cases hang on real time (deadlines of a fifth of a second). What fails beside seven others on a busy machine is asked once more, alone.
run_connect() {
    local status=0 missing again="" counts='^(Total cases|[0-9]+ passed)'
    connect "$scratch/connect" || status=$?
    grep -v -E "$counts" "$scratch/connect" | head -100
    sed -n 's/^FAILED: \(.*\):$/\1/p' "$scratch/connect" >"$scratch/again"
    if [ $status != 0 ] && [ -s "$scratch/again" ]; then
        status=0
        connect "$scratch/alone" --run "@$scratch/again" --parallel 1 --max-servers 1 || status=$?
        grep -v -E "$counts" "$scratch/alone" | head -100
        again="; those that failed again alone: $(sed -n -E 's/^[0-9]+ passed, //p' "$scratch/alone")"
    fi
    missing=$(sed -n 's/^# Not served yet: \(.*\)[.]$/; not served yet: \1/p' "$here/features.yaml")
    echo "connectconformance: $(sed -n 's/^Total cases: //p' "$scratch/connect") cases, $(grep -E '^[0-9]+ passed' "$scratch/connect")$again; not offered: client and bidirectional streams (and TLS client certificates, whose one case is such a stream)$missing"
    return $status
}

run_h2spec() {
    timeout 300 "$tools/h2spec" --strict -h 127.0.0.1 -p "$port" -P /h2spec -o 5 -j "$scratch/h2spec.xml" >"$scratch/h2spec" 2>&1 || true
    /usr/bin/python3 -B "$here/h2spec.py" "$scratch/h2spec.xml"
}

run_protojson() {
    SES_TESTEE_SKIPPED=$scratch/skipped timeout 300 "$tools/conformance_test_runner" --enforce_recommended --output_dir "$scratch" "$build/suites_testee" >"$scratch/protojson" 2>&1 || true
    /usr/bin/python3 -B "$here/protojson.py" "$scratch/protojson" "$scratch/skipped"
}

start_server() {
    : >"$scratch/port" # what runs in the background makes it a moment later
    mkfifo "$scratch/in"
    sleep 900 >"$scratch/in" &
    background+=($!)
    "$build/suites_server" --port "$scratch/tls" <"$scratch/in" >"$scratch/port" &
    background+=($!)
    for _ in $(seq 600); do
        port=$(cat "$scratch/port")
        [ -z "$port" ] || return 0
        sleep 0.1
    done
    echo "suites: the server has not started" >&2
    exit 1
}

mkdir -p "$tools"
rm -rf "$generated"
mkdir -p "$generated"
if install install_go_suites "connectconformance, grpc-go interop, h2spec"; then
    generate -I "$tools/proto" -I proto connectrpc/conformance/v1/{config,service,server_compat}.proto
    generate "--descriptor_set_in=$tools/grpc_testing.protoset" grpc/testing/{empty,messages}.proto
    build_target suites_server
    build_target sessiondctl
    "$build/sessiondctl" dev-cert "$scratch/tls" >/dev/null
    start_server
    run connectconformance run_connect
    run grpc-go-interop "$here/interop.sh" "$tools/client" "$port" "$scratch/tls/ca.pem"
    run h2spec run_h2spec
fi
if install install_runner ProtoJSON; then
    protoc -I "$tools/protobuf" --include_imports "--descriptor_set_out=$scratch/messages" google/protobuf/test_messages_proto3.proto
    /usr/bin/python3 -B "$here/protos/reduce.py" "$scratch/messages" "$scratch/reduced" "$generated/lacking.h"
    generate "--descriptor_set_in=$scratch/reduced" google/protobuf/test_messages_proto3.proto
    generate -I "$tools/protobuf" conformance/conformance.proto
    build_target suites_testee
    run ProtoJSON run_protojson
fi

echo "== the protocols' own suites"
printf '%s\n' "${lines[@]}"
[ -z "$failed" ] || { echo "suites: failed:$failed" >&2; exit 1; }
[ "$ran" -gt 0 ] || exit 77
