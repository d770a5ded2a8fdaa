#!/usr/bin/env bash
# examples/rust, with the versions of its Cargo.lock. What was compiled of others stays in tests/tools/. Exit code 77: no Cargo, or no registry.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export CARGO_TARGET_DIR=$PWD/tests/tools/example-rust
. tests/clients/toolchains.sh

need_cargo
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo fetch --locked --manifest-path examples/rust/Cargo.toml >"$log" 2>&1 || {
    tail -5 "$log" >&2
    skip "crates.io did not serve what Cargo.lock names"
}
cargo build --locked --offline --manifest-path examples/rust/Cargo.toml >"$log" 2>&1 || {
    tail -40 "$log" >&2
    exit 1
}
/usr/bin/python3 -B tests/clients/example.py rust
