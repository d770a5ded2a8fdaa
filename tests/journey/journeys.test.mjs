// Whole payments in a real browser: shop, bank's challenge page, and back by the bank's cross-site POST; then the same while cookies,
// browsers, workers and the whole server get lost. Every return finds its session and has its effect once.
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { World } from './harness.mjs';
import { Shopper, assertOneEffect, assertPayments } from './shopper.mjs';

let world;
let shopper;

before(async () => { world = await World.open(); });
after(async () => { await world?.close(); });
const arrive = (name) => async () => { shopper = await Shopper.arrive(world, name); };

describe('a payment', () => {
  beforeEach(arrive('plain'));
  afterEach(() => shopper.leave());

  test('goes to the bank and comes back', async () => {
    await shopper.openCart();
    await shopper.shot('1-cart');
    await shopper.checkOut();
    await shopper.shot('2-review');
    await shopper.pay();
    await shopper.shot('3-bank');
    await shopper.enterCode('0000');
    await shopper.page.waitForSelector('[role=alert]');
    await shopper.shot('3-bank-wrong-code');
    await shopper.enterCode();
    await shopper.seeResult();
    await shopper.shot('4-result');
    assert.ok(shopper.page.url().startsWith(`${world.shop}/orders/${shopper.order}/result`));
    assert.ok(!shopper.page.url().includes('sess_') && !shopper.page.url().includes('v4.local'));
    await assertOneEffect(world, shopper.order);
  });

  test('is refused by the shopper', async () => {
    await shopper.toChallenge();
    await shopper.page.click('text=Refuse payment');
    await shopper.seeResult('SESSION_STATUS_FAILED');
    await shopper.shot('4-refused');
    await assertOneEffect(world, shopper.order, 'SESSION_STATUS_FAILED');
  });
});

describe('the payment server behind sessiond', () => {
  beforeEach(arrive('payments'));
  afterEach(() => shopper.leave());

  async function choose(card) {
    await shopper.openCart();
    await shopper.checkOut();
    await shopper.choose(card);
  }

  async function assertPaidOnce(ids) {
    const facts = await world.facts(shopper.order);
    assert.equal(facts.status, 'SESSION_STATUS_COMPLETED');
    assert.equal(facts.fulfilled, 1);
    await assertPayments(world, shopper.order, ids);
  }

  test('pays at once', async () => {
    await choose('plain');
    await shopper.page.click('#pay');
    await shopper.seeResult();
    await shopper.page.reload();
    await shopper.seeResult();
    await shopper.shot('paid');
    assert.equal(await shopper.page.textContent('#calls'), `Authorize ${shopper.order}-0: answered`);
    await assertPaidOnce(['0']);
    assert.deepEqual((await world.facts(shopper.order)).calls.map(({ method, state }) => [method, state]),
      [['types.PaymentService/Authorize', 'GATEWAY_CALL_STATE_ANSWERED']]);
  });

  test('declines, and takes another card', async () => {
    await choose('declined');
    await shopper.page.click('#pay');
    await shopper.seeResult('SESSION_STATUS_OPEN');
    await shopper.shot('declined');
    await shopper.page.click('#again');
    await shopper.choose('plain');
    await shopper.page.click('#pay');
    await shopper.seeResult();
    await assertPaidOnce(['0', '1']);
  });

  // Further places are integration/gateway_kills'.
  test('kill -9 of the payment server while the shopper is at the bank', async () => {
    await shopper.toChallenge();
    await world.killPayments();
    await shopper.enterCode();
    await shopper.seeResult();
    await assertOneEffect(world, shopper.order);
  });

  // Somebody dies while the connector is at it: the page waits, what became of the payment is asked, and it is not made again.
  const deaths = { workers: () => world.killWorkers(), 'payment server': () => world.killPayments() };
  for (const [who, kill] of Object.entries(deaths)) {
    test(`kill -9 of the ${who} while it is asked`, async () => {
      await choose('plain');
      await world.holdConnector();
      await shopper.page.click('#pay', { noWaitAfter: true });
      await world.connectorHolds();
      await kill();
      await world.releaseConnector();
      await world.passTime(60); // behind upstream.deadline_ms
      await shopper.seeResult();
      await assertPaidOnce(['0']);
    });
  }
});

describe('cookies', () => {
  beforeEach(arrive('cookies'));
  afterEach(() => shopper.leave());

  test('SameSite cookies do not come along with the bank\'s POST, and are not missed', async () => {
    const sent = [];
    shopper.page.on('request', (request) => { if (request.isNavigationRequest()) sent.push(request); });
    await shopper.toChallenge();
    await shopper.enterCode();
    await shopper.seeResult();
    const cookieOf = async (test) => (await sent.find(test).allHeaders()).cookie ?? '';
    const checkout = await cookieOf((r) => r.url().endsWith('/checkout'));
    assert.match(checkout, /shop_lax=.*shop_strict=/); // the browser has them and the recording sees them
    assert.equal(await cookieOf((r) => r.url().startsWith(world.returns) && r.method() === 'POST'), '');
    assert.doesNotMatch(await cookieOf((r) => r.url().endsWith('/result')), /shop_strict/);
    await assertOneEffect(world, shopper.order);
  });

  test('the return sets none and its address goes nowhere', async () => {
    await shopper.toChallenge();
    const returned = shopper.page.waitForResponse((r) => r.url().startsWith(world.returns));
    const arrived = shopper.page.waitForRequest((r) => r.url().endsWith('/result'));
    await shopper.enterCode();
    const headers = await (await returned).allHeaders();
    assert.equal((await returned).status(), 303);
    assert.equal(headers['set-cookie'], undefined);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    assert.doesNotMatch((await (await arrived).allHeaders()).referer ?? '', /\/r\//);
    await shopper.seeResult();
  });

  test('all of them cleared between all steps', async () => {
    for (const step of [() => shopper.openCart(), () => shopper.checkOut(), () => shopper.pay(), () => shopper.enterCode(),
      () => shopper.seeResult()]) {
      await step();
      await shopper.context.clearCookies();
    }
    await shopper.page.reload();
    await shopper.seeResult();
    await assertOneEffect(world, shopper.order);
  });

  test('the bank comes back in another browser profile', async () => {
    await shopper.toChallenge();
    const held = await shopper.holdReturn();
    const other = await Shopper.arrive(world, 'other');
    await other.sendReturn(held);
    await other.seeResult();
    await other.leave();
    await assertOneEffect(world, shopper.order);
    await shopper.page.goto(`${world.shop}/orders/${shopper.order}/result`);
    await shopper.seeResult();
  });
});

describe('the same return again', () => {
  beforeEach(arrive('again'));
  afterEach(() => shopper.leave());

  test('reload of the page behind it', async () => {
    await shopper.toChallenge();
    await shopper.enterCode();
    await shopper.seeResult();
    for (let i = 0; i < 3; i += 1) {
      await shopper.page.reload();
      await shopper.seeResult();
    }
    await assertOneEffect(world, shopper.order);
  });

  test('sent twice at the same time, and a third time later', async () => {
    await shopper.toChallenge();
    const held = await shopper.holdReturn();
    const second = await shopper.newPage();
    const reached = await Promise.all([shopper.sendReturn(held), shopper.sendReturn(held, second)]);
    for (const response of reached) assert.ok(response.url().endsWith('/result'));
    await shopper.seeResult();
    const third = await shopper.sendReturn(held);
    assert.ok(third.url().endsWith('/result'));
    await shopper.seeResult();
    await assertOneEffect(world, shopper.order);
  });

  test('with another payload is refused by a plain page', async () => {
    await shopper.toChallenge();
    const held = await shopper.holdReturn();
    await shopper.sendReturn(held);
    await shopper.seeResult();
    const response = await shopper.sendReturn({ url: held.url, body: 'cres=forged' });
    assert.equal(response.status(), 409);
    await shopper.shot('other-payload');
    assert.match(await shopper.page.textContent('h1'), /already done/);
    await assertOneEffect(world, shopper.order);
  });
});

describe('pages at the return URL', () => {
  beforeEach(arrive('page'));
  afterEach(() => shopper.leave());

  async function handle(seconds) {
    const id = `page-${Math.random().toString(36).replace(/[^a-z]/g, '')}-x`;
    const key = { merchant_session_id: id, test_mode: true };
    const created = await world.call('/types.MerchantAuthenticationService/CreateSessionToken',
      { ...key, amount: { minor_amount: 100, currency: 'EUR' } });
    const begun = await world.call('/sessiond.v1.SessionService/BeginStep', { ...key, session_token: created.body.session_token,
      name: 'challenge', return_url: `${world.shop}/x`, step_seconds: seconds });
    assert.equal(begun.status, 200, JSON.stringify(begun.body));
    return begun.body.return_url;
  }

  async function assertPage(url, status, heading) {
    const problems = [];
    shopper.page.on('console', (message) => { if (message.type() === 'error' && !/status of/.test(message.text())) problems.push(message.text()); });
    const response = await shopper.page.goto(url);
    assert.equal(response.status(), status);
    assert.match(await shopper.page.textContent('h1'), heading);
    assert.equal(await shopper.page.evaluate(() => getComputedStyle(document.body).display), 'flex'); // the style's hash is allowed
    assert.deepEqual(problems, []);
    assert.deepEqual(await shopper.context.cookies(), []);
    await shopper.shot(String(status));
  }

  test('expired', async () => {
    const url = await handle(60);
    await world.passTime(61);
    await assertPage(url, 410, /time for this step is over/);
  });

  test('altered and unknown', async () => {
    const url = await handle(60);
    await assertPage(`${url.slice(0, -2)}${url.at(-2) === 'A' ? 'B' : 'A'}${url.at(-1)}`, 404, /not valid/);
    await assertPage(`${world.returns}v4.local.unknown`, 404, /not valid/);
    await assertPage(world.returns, 404, /not valid/);
  });

  test('too large', async () => {
    const held = { url: await handle(60), body: `cres=${'c'.repeat(70000)}` };
    assert.equal((await shopper.sendReturn(held)).status(), 413);
    assert.match(await shopper.page.textContent('h1'), /too large/);
    await shopper.shot('413');
  });

  test('of a type that is no form', async () => {
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"cres":"x"}', redirect: 'manual' };
    const answer = await fetch(await handle(60), json);
    assert.equal(answer.status, 303); // taken all the same
    assert.match(await answer.text(), /<h1>/);
  });

  test('on a small dark screen', async () => {
    await shopper.page.setViewportSize({ width: 360, height: 640 });
    await shopper.page.emulateMedia({ colorScheme: 'dark' });
    await shopper.page.goto(`${world.returns}v4.local.unknown`);
    await shopper.shot('dark');
    assert.equal(await shopper.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
  });
});

// Each disturbance at each place between two steps.
const disturbances = { 'kill -9 of the workers': () => world.killWorkers(), 'restart of the whole server': () => world.restartServer() };
for (const [what, disturb] of Object.entries(disturbances)) {
  describe(what, () => {
    beforeEach(arrive('disturbed'));
    afterEach(() => shopper.leave());

    test('after the session was created', async () => {
      await shopper.openCart();
      await shopper.checkOut();
      await disturb();
      await shopper.pay();
      await shopper.enterCode();
      await shopper.seeResult();
      await assertOneEffect(world, shopper.order);
    });

    test('while the shopper is at the bank', async () => {
      await shopper.toChallenge();
      await disturb();
      await shopper.enterCode();
      await shopper.seeResult();
      await assertOneEffect(world, shopper.order);
    });

    test('between the bank\'s answer and the return', async () => {
      await shopper.toChallenge();
      const held = await shopper.holdReturn();
      await disturb();
      await shopper.sendReturn(held);
      await shopper.seeResult();
      await assertOneEffect(world, shopper.order);
    });

    test('between the return and the shop\'s page', async () => {
      await shopper.toChallenge();
      const returned = shopper.page.waitForResponse((r) => r.url().startsWith(world.returns));
      world.shopProcess.kill('SIGSTOP');
      try {
        await shopper.enterCode();
        assert.equal((await returned).status(), 303);
        await disturb();
      } finally {
        world.shopProcess.kill('SIGCONT');
      }
      await shopper.seeResult();
      await assertOneEffect(world, shopper.order);
    });

    test('after it all, and the same return once more', async () => {
      await shopper.toChallenge();
      const held = await shopper.holdReturn();
      await shopper.sendReturn(held);
      await shopper.seeResult();
      await disturb();
      const response = await shopper.sendReturn(held);
      assert.ok(response.url().endsWith('/result'));
      await shopper.seeResult();
      await assertOneEffect(world, shopper.order);
    });
  });
}

test('neither token nor handle is in the log', () => {
  const log = world.log('sessiond');
  assert.ok(log.includes('"flow":"Return"'), 'the returns are logged');
  assert.doesNotMatch(log, /v4\.(local|public)\.[A-Za-z0-9_-]{20}/);
  assert.doesNotMatch(log, /cres|threeDSSessionData|4111111111111111|4000000000003220/);
});
