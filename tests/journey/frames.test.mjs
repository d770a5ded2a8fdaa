// A challenge in a frame of the shop's page (RETURN_MODE_FRAME): the page at the return URL tells the shop's page that it is over,
// and nobody else. The shop here is a server of the test's own: one page that frames, and one where its orders end.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { World } from './harness.mjs';

const patienceMs = 30000;
let world;
let shop; // on localhost; the same server on 127.0.0.1 is another site
let framed = ''; // where its page's form leads

// What a bank's page does in its frame, and what the page around it hears.
const framing = () => `<!doctype html><title>Checkout</title><iframe name=challenge></iframe>
<form method=post target=challenge action="${framed}"><input name=cres value=eyJ0><button>Confirm</button></form>
<script>window.heard = []; window.onmessage = (event) => window.heard.push({ origin: event.origin, data: event.data });</script>`;

const server = createServer((request, response) => {
  const body = request.url === '/framing' ? framing() : '<!doctype html><title>Order</title>';
  response.writeHead(200, { 'content-type': 'text/html' }).end(body);
});

before(async () => {
  world = await World.open();
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  shop = `http://localhost:${server.address().port}`;
});
after(async () => {
  await world?.close();
  server.closeAllConnections();
  server.close();
});

// A step in that mode: {returnUrl, back}.
async function begin(fields = {}) {
  const key = { merchant_session_id: `frame-${Math.random().toString(36).replace(/[^a-z]/g, '')}-x`, test_mode: true };
  const back = `${shop}/orders/7/result?a=1&b=2`;
  const created = await world.call('/types.MerchantAuthenticationService/CreateSessionToken',
    { ...key, amount: { minor_amount: 100, currency: 'EUR' } });
  const begun = await world.call('/sessiond.v1.SessionService/BeginStep', { ...key, session_token: created.body.session_token,
    name: 'challenge', return_url: back, return_mode: 'RETURN_MODE_FRAME', ...fields });
  assert.equal(begun.status, 200, JSON.stringify(begun.body));
  return { returnUrl: begun.body.return_url, back };
}

async function open(site, action, options = {}) {
  framed = action;
  const page = await (await world.browser.newContext(options)).newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(`${site}/framing`);
  return page;
}

const answered = (page) => page.waitForResponse((response) => response.url().startsWith(world.returns));

async function confirm(page) {
  const [response] = await Promise.all([answered(page), page.click('button')]);
  return response;
}

async function heard(page, count) {
  await page.waitForFunction((wanted) => window.heard.length >= wanted, count);
  return page.evaluate(() => window.heard);
}

const origin = () => new URL(world.returns).origin;

describe('a challenge in a frame', () => {
  test('tells the shop\'s page, which stays', async () => {
    const { returnUrl, back } = await begin();
    const page = await open(shop, returnUrl);
    const problems = [];
    page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()); });
    assert.equal((await confirm(page)).status(), 200);
    const message = { origin: origin(), data: { type: 'sessiond.return', outcome: 'returned', return_url: back } };
    assert.deepEqual(await heard(page, 1), [message]);
    assert.equal((await confirm(page)).status(), 200); // the same again
    assert.deepEqual(await heard(page, 2), [message, message]);
    const frame = page.frame('challenge');
    assert.match(await frame.textContent('h1'), /Back to the shop/);
    assert.equal(await frame.evaluate(() => getComputedStyle(document.body).display), 'flex');
    assert.equal(page.url(), `${shop}/framing`);
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test('that is over tells it too', async () => {
    const { returnUrl, back } = await begin({ step_seconds: 60 });
    await world.passTime(61);
    const page = await open(shop, returnUrl);
    assert.equal((await confirm(page)).status(), 410);
    const [message] = await heard(page, 1);
    assert.deepEqual(message.data, { type: 'sessiond.return', outcome: 'expired', return_url: back });
    await page.context().close();
  });

  test('shows nothing, and tells nothing, in a page of another origin', async () => {
    const { returnUrl } = await begin();
    const page = await open(shop.replace('localhost', '127.0.0.1'), returnUrl);
    const refused = page.waitForEvent('console', (message) => /frame-ancestors/.test(message.text()));
    await page.click('button');
    await refused;
    assert.equal(await page.locator('iframe').contentFrame().locator('h1').filter({ hasText: 'Back to the shop' }).count(), 0);
    assert.deepEqual(await page.evaluate(() => window.heard), []);
    await page.context().close();
  });

  test('leads the whole window to the shop without script', async () => {
    const { returnUrl, back } = await begin();
    const page = await open(shop, returnUrl, { javaScriptEnabled: false });
    await confirm(page);
    await Promise.all([page.waitForURL(back), page.frameLocator('iframe').getByText('Continue to the shop').click()]);
    await page.context().close();
  });

  test('that has the whole window after all goes on by itself', async () => {
    const { returnUrl, back } = await begin();
    const page = await open(shop, returnUrl);
    await page.evaluate(() => document.forms[0].removeAttribute('target'));
    await Promise.all([page.waitForURL(back), page.click('button')]);
    await page.context().close();
  });
});
