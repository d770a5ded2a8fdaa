// The status page of a machine whose sessions are in PostgreSQL (SES_PG): a row for each database, and none about this machine's own disk.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { World, patienceMs, shots, waitFor } from './harness.mjs';

let world;
before(async () => { world = await World.open(); });
after(async () => { await world?.close(); });

test('the status page has a row for each database', async () => {
  const page = await (await world.browser.newContext()).newPage();
  page.setDefaultTimeout(patienceMs);
  await page.goto(`http://127.0.0.1:${world.adminPort}`);
  await waitFor('the database is open', async () => /^shard 0\s+open\s+none\s+answered\s+replica\s+−?-?\d+\s+\d+$/.test(
    (await page.locator('#store tbody').innerText()).trim()));
  assert.match(await page.locator('#store thead').innerText(), /state\s+cause\s+reads\s+durability\s+clock, ms\s+timeline/);
  assert.equal(await page.locator('#warnings').innerText(), '');
  await page.screenshot({ path: join(shots, 'status-databases.png'), fullPage: true });
});
