// Pages of other origins in a real browser: what it asks before a call, and what it lets a page read (cors.origins). The pages
// are a server of the test's own, which the browser knows by three names.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { World } from './harness.mjs';

const CREATE = '/types.MerchantAuthenticationService/CreateSessionToken';
const GET_SESSION = '/sessiond.v1.SessionService/GetSession';
const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Shop</title>');
});
let world;
let port;

before(async () => {
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  port = server.address().port;
  world = await World.open({
    config: ['cors:', `  origins: ["http://shop.example:${port}"]`],
    browserArgs: ['--host-resolver-rules=MAP shop.example 127.0.0.1,MAP evil.example 127.0.0.1'],
  });
});
after(async () => {
  await world?.close();
  server.closeAllConnections();
  server.close();
});

async function pageOf(host) {
  const page = await (await world.browser.newContext()).newPage();
  await page.goto(`http://${host}:${port}/`);
  return page;
}

// A fetch of the page's, and what the page may read of it.
function ask(page, path, init = {}) {
  return page.evaluate(async ([url, options]) => {
    try {
      const answer = await fetch(url, options);
      return { status: answer.status, body: await answer.json(), id: answer.headers.get('x-request-id'),
        durability: answer.headers.get('x-session-durability') };
    } catch (error) {
      return { failed: error.name };
    }
  }, [world.api + path, init]);
}

const call = (body, headers = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'connect-protocol-version': '1', 'x-connector': 'adyen',
    'x-connector-config': '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}', ...headers },
  body: JSON.stringify(body),
});
const order = () => ({ merchant_session_id: `page-${Math.random().toString(36).replace(/[^a-z]/g, '')}-x`, test_mode: true });
const payment = (key) => ({ ...key, amount: { minor_amount: 100, currency: 'EUR' } });
// Preflights are nobody's calls, and nothing else here is for an unknown path.
async function preflights() {
  const text = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text();
  return Number(/^sessiond_requests_total\{service="",method="unknown",code="OK"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

for (const host of ['shop.example', 'localhost', '127.0.0.1']) {
  test(`a page of ${host} calls, reads answers and errors, and asks once`, async () => {
    const page = await pageOf(host);
    const key = order();
    const asked = await preflights();
    const created = await ask(page, CREATE, call(payment(key), { 'x-request-id': 'page-1', 'x-some-library': '1' }));
    assert.equal(created.status, 200, JSON.stringify(created));
    assert.deepEqual([created.id, created.durability], ['page-1', 'disk']);
    const again = await ask(page, CREATE, call(payment(key), { 'x-request-id': 'page-2', 'x-some-library': '1' }));
    assert.equal(again.status, 200);
    assert.equal(await preflights(), asked + 1); // kept by the browser
    const wrong = await ask(page, CREATE, call({ ...key, amount: 7 }));
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'invalid_argument']);
    const query = new URLSearchParams({ connect: 'v1', encoding: 'json',
      message: JSON.stringify({ ...key, session_token: created.body.session_token }) });
    const askedFor = await preflights();
    const got = await ask(page, `${GET_SESSION}?${query}`); // no header that would have to be asked for
    assert.deepEqual([got.status, got.body.session.status], [200, 'SESSION_STATUS_OPEN']);
    assert.equal(await preflights(), askedFor);
    await page.context().close();
  });
}

test('with a key in authorization, which the star does not stand for', async () => {
  const page = await pageOf('shop.example');
  assert.equal((await ask(page, CREATE, call(payment(order()), { authorization: 'Bearer x' }))).status, 200);
  await page.context().close();
});

test('a foreign page neither calls nor reads', async () => {
  const page = await pageOf('evil.example');
  const key = order();
  assert.deepEqual(await ask(page, CREATE, call(payment(key))), { failed: 'TypeError' });
  assert.deepEqual(await ask(page, '/health'), { failed: 'TypeError' });
  // Nothing was made: the key is free for another amount.
  const created = await world.call(CREATE, { ...payment(key), amount: { minor_amount: 999, currency: 'EUR' } });
  assert.equal(created.status, 200, JSON.stringify(created.body));
  await page.context().close();
});

test('nobody calls with cookies', async () => {
  const page = await pageOf('shop.example');
  assert.deepEqual(await ask(page, CREATE, { ...call(payment(order())), credentials: 'include' }), { failed: 'TypeError' });
  await page.context().close();
});
