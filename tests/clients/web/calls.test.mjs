// connect-web (Connect and gRPC-Web) and Google's grpc-web in Chromium, from a page of another origin: unary calls, refusals with their
// details, streams with their end, streams that are left. In a copy, so that nothing that is generated comes into the tree.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { World, patienceMs } from '../../journey/harness.mjs';

const here = import.meta.dirname;
const protos = resolve(here, '../../../proto');
const files = new Map([['/', ['text/html', '<!doctype html><title>Shop</title><script src="/calls.js"></script>']]]);
const server = createServer(({ url }, response) => {
  const [type, body] = files.get(url) ?? ['text/plain', ''];
  response.writeHead(files.has(url) ? 200 : 404, { 'content-type': type }).end(body);
});
let tree;
let world;
let page;

before(async () => {
  tree = mkdtempSync(join(tmpdir(), 'sessiond-test-'));
  cpSync(here, tree, { recursive: true, filter: (path) => !/\/(node_modules|gen)$/.test(path) });
  const run = (...command) => execFileSync(command[0], command.slice(1), { cwd: tree, stdio: ['ignore', 'ignore', 'inherit'] });
  run('npm', 'install', '--no-save', '--loglevel=error', '--no-audit', '--no-fund'); // not ci: tests/run.sh says why
  run('npx', 'buf', 'generate', protos, ...['payment_types', 'sessiond/v1', 'google/rpc'].flatMap((name) => ['--path', join(protos, name)]));
  run('npx', 'esbuild', 'calls.ts', '--bundle', '--target=es2022', '--outfile=calls.js', '--log-level=warning');
  files.set('/calls.js', ['text/javascript', readFileSync(join(tree, 'calls.js'))]);
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  world = await World.open();
  page = await (await world.browser.newContext()).newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(`http://localhost:${server.address().port}/`);
});
after(async () => {
  await world?.close();
  server.closeAllConnections();
  server.close();
  rmSync(tree, { recursive: true, force: true });
});

const call = (name, way) => page.evaluate(([what, how, url]) => window.call(what, how, url), [name, way, world.api]);

// Streams of grpc-web need its text format: XMLHttpRequest hands out bytes only when all are there.
async function each(check, streams = false) {
  const names = (await page.evaluate(() => window.wayNames)).filter((way) => !(streams && way === 'grpc-web, binary'));
  assert.equal(names.length, streams ? 6 : 7);
  for (const way of names) await check(way);
}

test('unary calls', () => each(async (way) => assert.equal(await call('unary', way), 'OPEN', way)));

test('refusals', () => each(async (way) => {
  const { fields, token, stream } = await call('refusals', way);
  assert.deepEqual([fields.code, fields.reason, fields.fields], ['invalid_argument', 'INVALID_FIELDS', ['amount', 'merchant_session_id']], way);
  assert.deepEqual([token.code, token.reason], ['permission_denied', 'TOKEN_MISMATCH'], way);
  assert.deepEqual(stream, token, way);
}));

test('streams', () => each(async (way) => assert.deepEqual(await call('stream', way), ['OPEN', 'COMPLETED'], way), true));

test('streams that are left', () => each(async (way) => assert.equal(await call('left', way), 'OPEN', way), true));
