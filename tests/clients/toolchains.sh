# shellcheck shell=bash
# What tests with clients of others need of a machine. Sourced by tests/clients/*/run.sh; each function ends its script with exit code 77 and
# a line that says what is missing, if it is: a toolchain, or the registry that packages come from.

client=$(basename "$(dirname "$0")")

skip() {
    echo "$client: $*" >&2
    exit 77
}

# quietly COMMAND..: in an empty folder, for at most a minute.
quietly() {
    local folder status=0
    folder=$(mktemp -d)
    (cd "$folder" && timeout 60 "$@") >/dev/null 2>&1 || status=$?
    rm -rf "$folder"
    return $status
}

need_go() {
    local go
    go=$(command -v go || command -v /usr/local/go/bin/go) || skip "there is no Go (https://go.dev/dl, or Debian's golang-go of bookworm-backports)"
    PATH=$(dirname "$go"):$PATH
    export PATH
    quietly go list -m -versions google.golang.org/protobuf || skip "Go's module proxy is not within reach"
}

# Whether crates.io answers is found out by `cargo fetch`, which needs it only where something is missing.
need_cargo() {
    local cargo
    cargo=$(command -v cargo || command -v ~/.cargo/bin/cargo) || skip "there is no Cargo (https://rustup.rs)"
    PATH=$(dirname "$cargo"):$PATH
    export PATH
}

need_pypi() {
    python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || skip "there is no python3 of 3.10 or later with venv (Debian: python3-venv)"
    quietly bash -c 'python3 -m venv . && bin/pip download --no-deps six==1.16.0' || skip "PyPI is not within reach"
}

need_npm() {
    { command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)'; } >/dev/null || skip "there is no npm, or no Node.js 20 (https://nodejs.org)"
    quietly npm view npm version || skip "npm's registry is not within reach"
}

need_maven() {
    local program
    for program in mvn java javac; do
        command -v $program >/dev/null || skip "there is no $program (Debian: maven, default-jdk-headless)"
    done
    quietly mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get -Dartifact=junit:junit:4.13.2 || skip "Maven's registry is not within reach"
}

need_chromium() {
    [ -x /usr/bin/chromium ] || skip "there is no Chromium (Debian: chromium)"
}
