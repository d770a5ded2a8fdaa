#!/usr/bin/env bash
# connect-web and grpc-web in Chromium: calls.test.mjs. Exit code 77: no npm, no Node.js 20, no Chromium.
set -euo pipefail
cd "$(dirname "$0")/../../.."
{ command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' && [ -x /usr/bin/chromium ]; } >/dev/null || {
    echo "web: there is no npm, no Node.js 20 (https://nodejs.org) or no Chromium (Debian: chromium)" >&2
    exit 77
}
exec node --test --test-reporter=spec tests/clients/web/calls.test.mjs
