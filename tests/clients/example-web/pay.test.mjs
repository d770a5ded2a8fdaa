// examples/web as its README says, in Chromium: the page calls sessiond from another origin, its browser goes to the bank and comes back.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { World, patienceMs, waitFor } from '../../journey/harness.mjs';
import { freePort } from '../../journey/ports.mjs';

const source = resolve(import.meta.dirname, '../../..');
const generated = /\/(node_modules|gen)$|\/public\/.*\.(js|map)$/; // left by somebody who has tried it in place
let tree;
let world;
let server;
let page;
let start;

before(async () => {
  tree = mkdtempSync(join(tmpdir(), 'sessiond-example-'));
  const folder = join(tree, 'examples/web');
  cpSync(join(source, 'examples/web'), folder, { recursive: true, filter: (path) => !generated.test(path) });
  cpSync(join(source, 'proto'), join(tree, 'proto'), { recursive: true });
  const commands = readFileSync(join(folder, 'README.md'), 'utf8').split('\n').filter((line) => line.startsWith('    ')).map((line) => line.trim());
  const serve = commands.pop();
  for (const command of [...commands, 'npm run check']) execFileSync('bash', ['-euc', command], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], timeout: 1800000 });
  world = await World.open();
  const port = await freePort();
  // A group of its own: npm passes no signal on to what it has started. esbuild serves for as long as its standard input is open.
  server = spawn('bash', ['-euc', `exec ${serve}`], { cwd: folder, env: { ...process.env, PORT: port }, stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  start = `http://localhost:${port}/?sessiond=${world.api}&bank=${world.bank}`;
  await waitFor('the page', async () => (await fetch(`http://127.0.0.1:${port}/pay.js`)).ok);
});

after(async () => {
  await world?.close();
  if (server?.exitCode === null) process.kill(-server.pid, 'SIGTERM');
  rmSync(tree, { recursive: true, force: true });
});

async function open() {
  page = await (await world.browser.newContext()).newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(start);
}

async function payAtBank() {
  await page.click('#pay');
  await page.fill('#code', '1234');
  await page.click('text=Confirm payment');
}

const said = () => page.locator('#log li').allTextContents();
const ended = () => page.waitForSelector('#log li:has-text("ended")');

const events = (order) => {
  const session = world.session(order);
  assert.equal(session.status, 'SESSION_STATUS_COMPLETED');
  return session.events.map((row) => row.event.replace('SESSION_EVENT_', ''));
};
const whole = ['REDIRECT_STARTED', 'BROWSER_RETURNED', 'CHALLENGE_PASSED', 'PROCESSING_STARTED', 'COMPLETED'];

// The order's id, from what the page says or asks: the page that named it is left behind.
const orderOf = (request) => JSON.parse(request.postData()).merchantSessionId;

test('a whole payment', async () => {
  await open();
  const [request] = await Promise.all([page.waitForRequest((asked) => asked.url().endsWith('/CreateSessionToken') && asked.method() === 'POST'), payAtBank()]);
  await ended();
  assert.equal((await said()).at(-1), 'ended SESSION_STATUS_COMPLETED');
  assert.deepEqual(events(orderOf(request)), whole);
  await page.context().close();
});

test('every call survives the loss of its answer', async () => {
  const lost = new Map(); // path -> how many answers
  let order;
  await open();
  await page.route(`${world.api}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const event = /"event":"?(\w+)/.exec(route.request().postData() ?? '')?.[1] ?? '';
    const call = `${pathname} ${event}`;
    if (route.request().method() !== 'POST' || lost.has(call)) return route.continue();
    lost.set(call, 1);
    order ??= orderOf(route.request());
    await route.fetch(); // sessiond has done it
    return route.abort('connectionreset');
  });
  await payAtBank();
  await ended();
  assert.equal((await said()).at(-1), 'ended SESSION_STATUS_COMPLETED');
  assert.deepEqual(events(order), whole);
  assert.equal(lost.size, 7, [...lost.keys()].join()); // create, begin, look, three events, and the stream
  await page.context().close();
});

test('a refusal is shown with its reason', async () => {
  await open();
  await page.route('**/sessiond.v1.SessionService/BeginStep', async (route) => {
    const body = { ...JSON.parse(route.request().postData()), sessionToken: 'sess_v4.public.e30.e30' };
    await route.continue({ postData: JSON.stringify(body) });
  });
  await page.click('#pay');
  await page.waitForSelector('#error:has-text("TOKEN_INVALID")');
  assert.match(await page.textContent('#error'), /^Unauthenticated \(TOKEN_INVALID\): /);
  await page.context().close();
});
