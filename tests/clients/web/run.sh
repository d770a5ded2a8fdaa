#!/usr/bin/env bash
# connect-web and grpc-web in Chromium: calls.test.mjs. Exit code 77: no npm, no Node.js 20, no registry, no Chromium.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/clients/toolchains.sh
need_npm
need_chromium
exec node --test --test-reporter=spec tests/clients/web/calls.test.mjs
