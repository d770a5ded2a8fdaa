// The status page in a real browser: its numbers move under load, what is amiss turns red, a server that is silent is shown as such,
// and nothing is fetched from anywhere else. Screenshots for people to look at: <SES_BUILD>/journey/status-*.png.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { World, patienceMs, shots, waitFor } from './harness.mjs';

let world;
let page;
const foreign = []; // requests that leave the host
const complaints = []; // what the console says

async function open(options) {
  const opened = await (await world.browser.newContext(options)).newPage();
  opened.setDefaultTimeout(patienceMs);
  const admin = `http://127.0.0.1:${world.adminPort}`;
  opened.on('request', (request) => { if (!request.url().startsWith(`${admin}/`) && !request.url().startsWith('data:')) foreign.push(request.url()); });
  opened.on('console', (message) => { if (message.type() !== 'info') complaints.push(message.text()); });
  opened.on('pageerror', (error) => complaints.push(error.message));
  await opened.goto(admin);
  return opened;
}

before(async () => {
  world = await World.open();
  page = await open({ viewport: { width: 1360, height: 900 } });
});
after(async () => { await world?.close(); });

const text = (selector) => page.locator(selector).innerText();
const seen = (what, selector, pattern) => waitFor(`${what}: ${selector}`, async () => pattern.test(await text(selector)));
const row = (table, name) => `#${table} tr:has(th:text-is("${name}"))`;
const count = async (table, name) => Number((await page.locator(`${row(table, name)} td`).first().innerText()).replace(/\D/g, ''));
let calls = 0;
const created = '/types.MerchantAuthenticationService/CreateSessionToken';
const create = (headers = {}) => world.call(created, { merchant_session_id: `status-${letters(calls++)}-x`, amount: { minor_amount: 100, currency: 'EUR' },
  test_mode: true }, headers);
const letters = (number) => [...String(number)].map((digit) => 'abcdefghij'[Number(digit)]).join('');

const lightness = (colour) => Math.max(...colour.match(/[\d.]+/g).slice(0, 3).map(Number));
const colourOf = (selector, property) => page.locator(selector).first().evaluate((node, name) => getComputedStyle(node)[name], property);

test('it opens, and knows the server', async () => {
  await seen('the state', '#state', /^ready$/);
  await seen('about', '#about', new RegExp(`^version \\S+ \\([0-9a-z-]+\\) on 127\\.0\\.0\\.1:${world.port}, durability disk`));
  await seen('both workers', '#workers', /worker 0[^]*worker 1[^]*housekeeper[^]*supervisor/);
  assert.equal(await page.locator('#charts figure').count(), 6);
  assert.equal(await page.locator('.warning').count(), 0);
});

test('numbers move under load, without a reload', async () => {
  await page.evaluate(() => { window.untouched = true; });
  for (let i = 0; i < 20; i++) await create();
  await waitFor('the calls', async () => await count('methods', 'CreateSessionToken') === 20);
  for (let i = 0; i < 7; i++) await create();
  await waitFor('the next calls', async () => await count('methods', 'CreateSessionToken') === 27);
  await waitFor('a line of calls', async () => /L/.test(await page.locator('#charts figure').first().locator('path.s1').last().getAttribute('d')));
  const label = await page.locator('#charts svg[role=img]').first().getAttribute('aria-label');
  assert.equal(await count('ways', 'door connect'), 27);
  assert.match(label, /^Calls a second: answered [\d.]+, refused [\d.]+, failed [\d.]+$/);
  assert.equal(await page.evaluate(() => window.untouched), true);
});

test('a refusal is named by its reason', async () => {
  await world.call(created, { merchant_session_id: 'status-x', amount: { minor_amount: 100, currency: 'EUR' },
    metadata: { value: '{"card":"4111111111111111"}' } });
  await waitFor('the reason', async () => await count('refusals', 'CARD_DATA_REFUSED') === 1);
});

test('the pointer tells the numbers of its moment', async () => {
  const chart = page.locator('#charts figure').first();
  await waitFor('some seconds', async () => (await chart.locator('path.s1').last().getAttribute('d')).split('L').length > 3);
  await chart.locator('svg[role=img]').hover({ position: { x: 120, y: 40 } });
  await waitFor('the cursor', async () => await page.locator('.cursor').count() === 6);
  await page.mouse.move(1, 1);
  await waitFor('no cursor', async () => await page.locator('.cursor').count() === 0);
});

// WCAG 2.1: contrast of a text with what it stands on, 1 to 21.
const contrasts = (opened) => opened.evaluate(() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const { backgroundColor } = getComputedStyle(node);
    return channels(backgroundColor)[3] === 0 && node.parentElement ? ground(node.parentElement) : backgroundColor;
  };
  const texts = ['h1', '#about', '#age', '#state', '.tile span', '.tile b', '.tile small', 'figcaption', 'figcaption b', 'figure text', 'thead th', 'tbody th',
    'td', 'td.dim', 'a'];
  return texts.map((name) => {
    const node = document.querySelector(name);
    const style = getComputedStyle(node);
    const [light, dark] = [luminance(name === 'figure text' ? style.fill : style.color), luminance(ground(node))].sort((a, b) => b - a);
    return [name, (light + 0.05) / (dark + 0.05)];
  });
});

test('it can be read, in the light and in the dark, and by those who do not see it', async () => {
  const dark = await open({ colorScheme: 'dark' });
  await waitFor('the dark one', async () => await dark.locator('#workers tr').count() === 5);
  for (const opened of [page, dark]) for (const [name, ratio] of await contrasts(opened)) assert.ok(ratio >= 4.5, `${name}: ${ratio.toFixed(2)}`);
  await dark.close();
  const unnamed = await page.evaluate(() => [...document.querySelectorAll('svg[role=img]:not([aria-label]), th:not([scope]), table:not([aria-labelledby]), .scroll:not([tabindex])')].length);
  assert.equal(unnamed, 0);
  assert.equal(await page.locator('#state[role=status]').count(), 1);
});

test('it fits a phone, and takes the dark', async () => {
  const phone = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: 'dark' });
  await waitFor('the phone', async () => await phone.locator('#state').innerText() === 'ready' && await phone.locator('#workers tr').count() === 5);
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'nothing sticks out');
  const [ground, letter] = await phone.evaluate(() => { const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]; });
  assert.ok(lightness(ground) < 60 && lightness(letter) > 180, `${letter} on ${ground}`);
  await phone.screenshot({ path: join(shots, 'status-phone-dark.png'), fullPage: true });
  await phone.close();
  assert.ok(lightness(await colourOf('body', 'backgroundColor')) > 200, 'the other one is light');
});

test('a worker that is missing and a breaker that is open are red', async () => {
  await page.screenshot({ path: join(shots, 'status-desktop.png'), fullPage: true });
  await world.breakConnectors();
  await waitFor('the breaker', async () => {
    await create({ 'x-connector': 'stripe', 'x-connector-config': '{"config":{"Stripe":{"api_key":"sk_test_x"}}}' });
    return /stripe at http:\/\/127\.0\.0\.1:\d+ is left alone/.test(await text('#warnings'));
  });
  await seen('its row', row('connectors', 'stripe'), /open at/);
  const [worker] = await world.workerRows();
  await world.whileStopped(worker.pid, async () => {
    await seen('the state', '#state', /^(degraded|not ready)$/);
    await seen('the warning', '#warnings', /Workers are missing/);
    await seen('its beat', `${row('workers', 'worker 0')} td.bad`, /^\d+ (s|min)/);
    assert.equal(await colourOf('#state', 'backgroundColor'), 'rgb(192, 31, 31)');
    assert.equal(await colourOf(`${row('workers', 'worker 0')} td.bad`, 'color'), 'rgb(192, 31, 31)');
    await page.screenshot({ path: join(shots, 'status-degraded.png'), fullPage: true });
  });
  await seen('the state', '#state', /^ready$/);
});

test('a server that stops answering is shown as old, and comes back', async () => {
  const { processes } = await (await fetch(`http://127.0.0.1:${world.adminPort}/status.json`)).json();
  const { pid } = processes.find((process) => process.role === 'housekeeper');
  await world.whileStopped(pid, async () => {
    await seen('the state', '#state', /^no answer$/);
    await seen('the warning', '#warnings', /has not answered since/);
    assert.equal(await page.locator('body.stale').count(), 1);
    await page.screenshot({ path: join(shots, 'status-stale.png') });
  });
  await seen('the state', '#state', /^ready$/);
  assert.equal(await page.locator('body.stale').count(), 0);
});

test('nothing was fetched from elsewhere, and the console had nothing to say', async () => {
  assert.deepEqual(foreign, []);
  assert.deepEqual(complaints, []);
});

test('a server that was started anew is drawn anew', async () => {
  await world.restartServer();
  await seen('the state', '#state', /^ready$/);
  await seen('no call of before', '#methods', /no call yet/);
  await create();
  await waitFor('its calls', async () => await count('methods', 'CreateSessionToken') === 1);
});
