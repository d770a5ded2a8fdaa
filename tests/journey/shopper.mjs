// A shopper: one browser profile, and the steps of a payment.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { patienceMs, shots } from './harness.mjs';

export const code = '1234';

export class Shopper {
  static async arrive(world, name) {
    const shopper = new Shopper();
    shopper.world = world;
    shopper.name = name;
    shopper.context = await world.browser.newContext({ viewport: { width: 900, height: 820 } });
    shopper.page = await shopper.newPage();
    return shopper;
  }

  async newPage() {
    const page = await this.context.newPage();
    page.setDefaultTimeout(patienceMs);
    return page;
  }

  async shot(step) {
    await this.page.screenshot({ path: join(shots, `${this.name}-${step}.png`) });
  }

  // ---- the steps

  async openCart() {
    await this.page.goto(this.world.shop);
  }

  async checkOut() {
    await this.page.click('#checkout');
    await this.page.waitForSelector('#pay');
    this.order = this.page.url().split('/').pop();
  }

  // plain, declined or challenge, as the page names them; without a choice it is the last.
  async choose(card) {
    await this.page.check(`input[name=card][value=${card}]`);
  }

  // Ends on the bank's page.
  async pay() {
    await this.page.click('#pay');
    await this.page.waitForSelector('#code');
    assert.ok(this.page.url().startsWith(this.world.bank));
  }

  async enterCode(text = code) {
    await this.page.fill('#code', text);
    await this.page.click('text=Confirm payment', { noWaitAfter: true }); // where it leads may be held or stopped
  }

  async seeResult(status = 'SESSION_STATUS_COMPLETED') {
    await this.page.waitForSelector(`#outcome[data-status=${status}]`);
  }

  async toChallenge() {
    await this.openCart();
    await this.checkOut();
    await this.pay();
  }

  // ---- the return, as a thing that can be held, looked at and sent again

  // What the bank makes the browser post: {url, body}; the browser itself does not send it.
  async holdReturn(enter = () => this.enterCode()) {
    let taken;
    const held = new Promise((done) => { taken = done; });
    await this.page.route(`${this.world.returns}*`, async (route) => {
      taken({ url: route.request().url(), body: route.request().postData() });
      await route.fulfill({ status: 204 }); // the browser stays where it is
    }, { times: 1 });
    await enter();
    return held;
  }

  // Posts it from a page of the bank's site, as the bank's page does; resolves with the response of the page reached.
  async sendReturn({ url, body }, page = this.page) {
    await page.goto(`${this.world.bank}/acs/challenge`);
    const [response] = await Promise.all([page.waitForNavigation({ url: (to) => !to.href.startsWith(this.world.bank) }),
      page.evaluate(({ action, pairs }) => {
        const form = document.createElement('form');
        form.method = 'post';
        form.action = action;
        for (const [name, value] of pairs) {
          const input = document.createElement('input');
          input.type = 'hidden';
          [input.name, input.value] = [name, value];
          form.append(input);
        }
        document.body.append(form);
        form.submit();
      }, { action: url, pairs: [...new URLSearchParams(body)] })]);
    return response;
  }

  async leave() {
    await this.context.close();
  }
}

// No payment asked for twice at the connector, and the money taken as often as said: each of these calls is one by its id.
export async function assertPayments(world, order, ids) {
  const made = (await world.connectorCalls(order)).filter((call) => call.method.endsWith('/Authorize'));
  assert.deepEqual(made.map((call) => call.merchant_id), ids.map((id) => `${order}-${id}`));
}

// One payment, one parcel, one return that counted.
export async function assertOneEffect(world, order, status = 'SESSION_STATUS_COMPLETED') {
  const facts = await world.facts(order);
  const applied = (event) => facts.events.filter((row) => row.event === event && row.outcome === 'EVENT_OUTCOME_APPLIED').length;
  assert.equal(facts.status, status);
  assert.equal(facts.fulfilled, status === 'SESSION_STATUS_COMPLETED' ? 1 : 0);
  assert.equal(applied('SESSION_EVENT_REDIRECT_STARTED'), 1);
  assert.equal(applied('SESSION_EVENT_BROWSER_RETURNED'), 1);
  await assertPayments(world, order, status === 'SESSION_STATUS_COMPLETED' ? ['0', '0-confirmed'] : ['0']);
}
