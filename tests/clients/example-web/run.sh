#!/usr/bin/env bash
# examples/web in Chromium, built as its README says, in a copy. Exit code 77: no npm or its registry, no Node.js 20, no Chromium.
set -euo pipefail
cd "$(dirname "$0")/../../.."
{ command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' && [ -x /usr/bin/chromium ]; } >/dev/null || {
    echo "example-web: there is no npm, no Node.js 20 (https://nodejs.org) or no Chromium (Debian: chromium)" >&2
    exit 77
}
npm view "esbuild@$(node -p 'require("./examples/web/package.json").devDependencies.esbuild')" version >/dev/null 2>&1 || {
    echo "example-web: npm's registry is out of reach" >&2
    exit 77
}
exec node --test --test-reporter=spec tests/clients/example-web/pay.test.mjs
