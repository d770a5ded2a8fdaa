#!/usr/bin/env bash
# Installs what the tests need, builds with gcc and with clang (Debug, ASan + UBSan), runs every test by ctest.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/packages.sh

usage() {
    cat <<'END'
usage: tests/run.sh              all tests but those of label long or nightly on the gcc build, of these all but those of label once on the clang build
       tests/run.sh --long       those of label long, on the gcc build: kill -9, failovers, moves, budgets, browsers (.ci/run does so too)
       tests/run.sh -R REGEX ..  arguments go to ctest; of any label
       tests/run.sh --nightly    everything, the long tests with many more rounds, the models with random seeds, the integration tests with v4.local tokens, all of them and the scenarios on two machines, the mutations of the store, the version before, PostgreSQL under Patroni and behind pgbouncer, the Debian package
       tests/run.sh --clients    clients and suites that we did not write (tests/clients/*/run.sh), on the gcc build
Needs neither root nor the network once the packages of deploy/packages.sh and tests/node_modules are there. Writes to build-gcc/,
build-clang/ and the temporary folder ($TMPDIR, else /tmp), there under names of its own.
END
}

fail() {
    echo "tests/run.sh: $*" >&2
    exit 1
}

phase() {
    echo "== [$((SECONDS / 60)):$(printf %02d $((SECONDS % 60)))] $*" >&2
}

fetch_clients() {
    local installed=tests/node_modules/.package-lock.json
    [ -e $installed ] && ! [ tests/package-lock.json -nt $installed ] && return
    phase "installing the test clients from npm"
    # Not `npm ci`: newer npms refuse a lock file without the binaries of foreign platforms, which not every registry has.
    # --no-save keeps to the lock file and leaves it as it is.
    npm install --no-save --loglevel=error --no-audit --no-fund --prefix tests >&2 ||
        fail "npm could not install what tests/package.json names (its reason stands above): is its registry within reach?"
    tests/node_modules/.bin/buf --version >/dev/null || fail "npm left out the program of @bufbuild/buf: remove tests/node_modules, try again"
}

# The program alone: its package also installs and starts a server, on the admin port's default. Without it integration/metrics and
# integration/alerts leave out what it would say.
fetch_promtool() {
    local dir
    { [ -x tests/tools/promtool ] || command -v promtool >/dev/null; } && return
    phase "fetching promtool from Debian's package prometheus"
    dir=$(mktemp -d)
    mkdir -p tests/tools
    if (cd "$dir" && apt-get download -qq prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool) >&2; then
        mv "$dir/usr/bin/promtool" tests/tools/
    else
        phase "no promtool: rules and the page of metrics are checked by our own reader alone"
    fi
    rm -rf "$dir"
}

build() { # build DIR COMPILER
    phase "building with $2 into $1/"
    command -v "$2" >/dev/null || fail "no $2 on the path, though its package is installed"
    mkdir -p "$1"
    CC=$2 cmake -S . -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSES_SANITIZE=address,undefined >"$1/configure.log" 2>&1 || {
        tail -30 "$1/configure.log" >&2
        fail "cmake found something missing; all of its output: $1/configure.log"
    }
    cmake --build "$1" >"$1/compile.log" 2>&1 || {
        grep -E -A3 'error:|FAILED:|warning:|undefined reference' "$1/compile.log" | head -60 >&2 || tail -40 "$1/compile.log" >&2
        fail "the build with $2 failed; all of its output: $1/compile.log"
    }
}

# Two tests more than processors: the long ones mostly wait, for a disk, a browser, a process that was killed.
run_tests() { # run_tests DIR ARGUMENTS..
    phase "ctest in $1/"
    ctest --test-dir "$1" --output-on-failure --parallel $(($(nproc) + 2)) "${@:2}"
}

# Whoever else runs the tests on this machine has folders of his own.
check_owner() {
    local dir
    for dir in build-gcc build-clang; do
        [ ! -e "$dir" ] || [ -w "$dir" ] || fail "$dir/ belongs to $(stat -c %U "$dir"): remove it, or work in a tree of your own"
    done
}

# A client's folder says by exit code 77 that its toolchain is missing, and why.
run_clients() {
    local script status failed=""
    export SES_BUILD=$PWD/build-gcc
    for script in tests/clients/*/run.sh; do
        [ -e "$script" ] || { phase "no clients in tests/clients"; return 0; }
        phase "$script"
        status=0
        "$script" || status=$?
        case $status in
        0) ;;
        77) phase "$script: skipped, its toolchain is missing" ;;
        *) failed="$failed $script" ;;
        esac
    done
    [ -z "$failed" ] || fail "failed:$failed"
}

run_mutations() {
    [ -e tests/mutation/run.py ] || { phase "no tests/mutation"; return 0; }
    phase "mutations of the store"
    /usr/bin/python3 -B tests/mutation/run.py
}

# Exit code 77: the history does not have the version before, as the line says.
run_previous() {
    local status=0
    phase "the version before on one data directory with this one"
    SES_BUILD=$PWD/build-gcc /usr/bin/python3 -B tests/formats/previous.py || status=$?
    [ $status = 0 ] || [ $status = 77 ] || fail "the version before does not read what this one writes, or the other way round"
}

run_followed() {
    local status=0
    phase "this version follows the one before without a restart"
    SES_BUILD=$PWD/build-gcc /usr/bin/python3 -B tests/formats/upgrade.py || status=$?
    [ $status = 0 ] || [ $status = 77 ] || fail "this version cannot follow the one before by SIGUSR2, or the other way round"
}

# token.purpose: local (tests/integration/harness.py).
run_other_tokens() {
    phase "the integration tests with v4.local tokens"
    SES_TEST_TOKENS=local run_tests build-gcc --no-tests=error -R integration/
}

# Every test of these folders that there is (tests/integration/machines.py); which of them are of one machine, one_machine.py tells. Then
# what hangs on times, with clocks as far apart as they may be and a little less.
run_two_machines() {
    phase "the integration tests and scenarios on two machines with one database"
    SES_TEST_STORE=pg run_tests build-gcc --no-tests=error -R '^(integration|scenario)/'
    phase "tokens and leases on two machines whose clocks differ"
    SES_TEST_STORE=pg SES_TEST_SKEW_MS=200 run_tests build-gcc --no-tests=error \
        -R '^integration/(tokens|tokens_local|token_tags|renewal|continuation|continuation_return|connectors|idempotency)$'
    local name status
    for name in journeys frames; do
        phase "$name on two machines"
        status=0
        SES_BUILD=$PWD/build-gcc /usr/bin/python3 -B tests/pg/with_cluster.py --no-relays --no-tls -- \
            node --test --test-reporter=spec "tests/journey/$name.test.mjs" || status=$?
        [ $status = 0 ] || [ $status = 77 ] || fail "$name on two machines failed"
    done
}

# Exit code 77: the packages are not here.
run_patroni() {
    local status=0
    phase "three PostgreSQL nodes under Patroni"
    install_packages patroni || true # told; then it is skipped
    /usr/bin/python3 -B tests/pg/patroni.py build-gcc || status=$?
    [ $status = 0 ] || [ $status = 77 ] || fail "something acknowledged was lost under Patroni"
}

run_package() {
    local status=0
    phase "the Debian package in a clean tree"
    tests/package/run.sh || status=$?
    [ $status = 0 ] || [ $status = 77 ] || fail "the package's test failed"
}

mode=tests
case "${1-}" in
-h | --help) usage; exit 0 ;;
--nightly | --clients | --long)
    [ $# = 1 ] || { usage >&2; exit 2; }
    mode=${1#--}
    shift
    ;;
esac
check_owner
install_packages build demo test cluster journey proxy
fetch_clients
fetch_promtool
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
if [ "$mode" = nightly ]; then
    export SES_CRASH_ROUNDS="${SES_CRASH_ROUNDS:-1000}" SES_EFFECTS_ROUNDS="${SES_EFFECTS_ROUNDS:-30}"
    export SES_HISTORY_ROUNDS="${SES_HISTORY_ROUNDS:-30}" SES_ORDERS="${SES_ORDERS:-10000}" SES_MODEL_STEPS="${SES_MODEL_STEPS:-1000000}"
    export SES_CHANGE_ROUNDS="${SES_CHANGE_ROUNDS:-20}" SES_FAILOVER_ROUNDS="${SES_FAILOVER_ROUNDS:-20}"
    export SES_MOVE_ROUNDS="${SES_MOVE_ROUNDS:-20}" SES_MOVE_KILLS="${SES_MOVE_KILLS:-60}" SES_JOURNEY_ROUNDS="${SES_JOURNEY_ROUNDS:-20}"
    export SES_MODEL_SEED="${SES_MODEL_SEED:-random}" # each run prints its own; everybody else plays the same ones
    install_packages pooler || true # told; then pg/pooler is skipped
fi
build build-gcc gcc
case $mode in
clients)
    run_clients
    exit 0
    ;;
long)
    run_tests build-gcc --no-tests=error -L long -LE nightly
    exit 0
    ;;
esac
build build-clang clang
# What takes minutes is for --long and CI; what says little more with each change waits for the night, unless it is asked for, and so does what
# says little more with another compiler (tests/pg/CMakeLists.txt).
later=() not_again=(-LE 'long|once')
[ "$mode" = nightly ] || [ $# -gt 0 ] || later=(-LE 'long|nightly')
[ "$mode" != nightly ] || not_again=(-LE long)
run_tests build-gcc --no-tests=error "${later[@]}" "$@"
# What was asked for may be none of the clang build's.
no_tests=$([ $# -gt 0 ] && echo ignore || echo error)
run_tests build-clang "--no-tests=$no_tests" "${not_again[@]}" "$@"
if [ "$mode" = nightly ]; then
    run_other_tokens
    run_two_machines
    run_mutations
    run_previous
    run_followed
    run_patroni
    run_package
fi
phase "all tests have passed"
