#!/usr/bin/env bash
# examples/java, with the versions that its pom.xml names. Exit code 77: no Java 17, no Maven, or no registry.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh

need_maven
# Into Maven's own store, where the test finds it again.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
mvn -B -q -f examples/java/pom.xml compile >"$log" 2>&1 || {
    tail -20 "$log" >&2
    ! grep -qE 'Could not transfer|could not be resolved|Unable to resolve artifact' "$log" || skip "Maven's registry did not serve what pom.xml names"
    exit 1
}
/usr/bin/python3 -B tests/clients/example.py java
