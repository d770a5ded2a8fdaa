#!/usr/bin/env bash
# examples/web in Chromium, built as its README says, in a copy. Exit code 77: no npm, no Node.js 20, no registry, no Chromium.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_npm
need_chromium
exec node --test --test-reporter=spec tests/clients/example-web/pay.test.mjs
