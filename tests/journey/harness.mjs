// What a journey needs: sessiond in sandbox mode, the simulated bank, the demonstration shop, a browser. Programs come from the
// directory in SES_BUILD; screenshots go to <SES_BUILD>/journey.
//
// Two sites, so that the browser treats the bank's POST as cross-site: the shop and sessiond's return URL are on localhost, the
// bank is on 127.0.0.1 (ports do not make a site).
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { freePort } from './ports.mjs';

const source = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const build = resolve(process.env.SES_BUILD ?? join(source, 'build-gcc'));
export const shots = join(build, 'journey');
export const patienceMs = 120000; // ends what hangs; no verdict hangs on it

export const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

export async function waitFor(what, predicate, ms = patienceMs) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await predicate().catch(() => false);
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(25);
  }
}

const ended = (child) => (child.exitCode !== null || child.signalCode !== null
  ? Promise.resolve() : new Promise((done) => { child.once('exit', done); }));

export class World {
  // What cannot be opened is closed again: a child left behind would keep this process, and the test, for ever.
  // config: more lines of it; browserArgs: more of Chromium's.
  static async open({ config = [], browserArgs = [] } = {}) {
    const world = new World();
    try {
      return await world.begin(config, browserArgs);
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async begin(config, browserArgs) {
    const world = this;
    world.children = [];
    world.dir = mkdtempSync(join(tmpdir(), 'sessiond-journey-'));
    [world.port, world.adminPort, world.bankPort, world.shopPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
    world.shop = `http://localhost:${world.shopPort}`;
    world.bank = `http://127.0.0.1:${world.bankPort}`;
    world.returns = `http://localhost:${world.port}/r/`;
    world.api = `http://127.0.0.1:${world.port}`;
    mkdirSync(shots, { recursive: true });
    // Restarts are what is tested: no budget and no growing delay in the way. A breaker that has opened stays open.
    writeFileSync(join(world.dir, 'config.yaml'), [
      'restart:', '  budget: 1000', '  delay_max_ms: 50',
      'connector:', '  breaker_failures: 3', '  breaker_open_ms: 600000',
      'redirect:', `  public_url: http://localhost:${world.port}`, ...config, ''].join('\n'));
    world.start('bank', join(build, 'sessiond-sim'), ['--listen', `127.0.0.1:${world.bankPort}`]);
    world.startServer();
    world.shopProcess = world.start('shop', process.execPath, [join(source, 'deploy/demo/shop.mjs')], {
      SHOP_PORT: String(world.shopPort), SHOP_URL: world.shop, SESSIOND_URL: world.api, ACS_URL: `${world.bank}/acs/challenge`,
    });
    await world.ready();
    await waitFor('the shop', async () => (await fetch(world.shop)).ok);
    await waitFor('the bank', async () => (await fetch(`${world.bank}/healthz`)).ok);
    world.browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      timeout: patienceMs,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', ...browserArgs],
    });
    return world;
  }

  start(name, program, args, env = {}) {
    const log = openSync(join(this.dir, `${name}.log`), 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    child.on('error', (error) => { throw error; });
    this.children.push(child);
    return child;
  }

  startServer() {
    this.clock ??= join(this.dir, 'clock');
    if (!existsSync(this.clock)) writeFileSync(this.clock, Buffer.alloc(16));
    this.server = this.start('sessiond', join(build, 'sessiond'), ['--sandbox', '--workers', '2', '--listen', `127.0.0.1:${this.port}`,
      '--admin', `127.0.0.1:${this.adminPort}`, '--data', join(this.dir, 'data'), '--config', join(this.dir, 'config.yaml')],
    { SESSIOND_TEST_CLOCK: this.clock });
  }

  log(name) {
    return readFileSync(join(this.dir, `${name}.log`), 'utf8');
  }

  async ready() {
    await waitFor('sessiond', async () => {
      if (this.server.exitCode !== null) throw new Error('sessiond ended');
      return (await fetch(`http://127.0.0.1:${this.adminPort}/readyz`)).ok;
    }).catch((error) => { throw new Error(`${error.message}: ${this.log('sessiond').slice(-2000)}`); });
  }

  // Time passes for the server (include/sessiond/base/clock.h): the second of the two words of its clock's file.
  passTime(seconds) {
    const words = Buffer.from(readFileSync(this.clock));
    words.writeBigInt64LE(words.readBigInt64LE(8) + BigInt(seconds * 1000), 8);
    const file = openSync(this.clock, 'r+');
    writeSync(file, words, 8, 8, 8);
    closeSync(file);
  }

  // ---- what can go wrong

  async workerRows() {
    const answer = await fetch(`http://127.0.0.1:${this.adminPort}/readyz`);
    return (await answer.json()).workers;
  }

  // kill -9 of every worker: whichever would have taken the next request is gone. Until the first of the replacements serves, clients
  // are answered 503 (integration/sockets), and on a busy machine that may be long.
  async killWorkers() {
    const killed = (await this.workerRows()).map((row) => row.pid);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await waitFor('the replaced workers', async () => (await this.workerRows())
      .every((row) => row.state === 'ready' && !killed.includes(row.pid)));
  }

  // All processes at once, as a power cut of the machine would leave them, and a new start on the same data.
  async restartServer() {
    const pids = readFileSync(`/proc/${this.server.pid}/task/${this.server.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    for (const pid of [this.server.pid, ...pids]) {
      try { process.kill(pid, 'SIGKILL'); } catch (error) { if (error.code !== 'ESRCH') throw error; }
    }
    await ended(this.server);
    this.startServer();
    await this.ready();
  }

  // ---- calls beside the browser

  async call(path, body, headers = {}) {
    const answer = await fetch(this.api + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-connector': 'adyen',
        'x-connector-config': '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}', ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  // From now on the simulated connectors end every call without an answer.
  async breakConnectors() {
    const { sandbox } = JSON.parse(this.log('sessiond').split('\n').find((line) => line.includes('"event":"ready"')));
    const answer = await fetch(`http://${sandbox}/control`, { method: 'POST', body: '{"mode":"reset"}' });
    if (!answer.ok) throw new Error(`the simulator answers ${answer.status}`);
  }

  // A process that hangs, for as long as what is done meanwhile lasts: the supervisor, which would replace it, hangs too.
  async whileStopped(pid, action) {
    process.kill(this.server.pid, 'SIGSTOP');
    process.kill(pid, 'SIGSTOP');
    try {
      await action();
    } finally {
      process.kill(pid, 'SIGCONT');
      process.kill(this.server.pid, 'SIGCONT');
    }
  }

  async facts(order) {
    return (await fetch(`${this.shop}/orders/${order}/facts`)).json();
  }

  async close() {
    await this.browser?.close();
    for (const child of this.children.reverse()) if (child.exitCode === null) child.kill('SIGTERM');
    await Promise.all(this.children.map(ended));
    const fault = /(AddressSanitizer|LeakSanitizer|runtime error:|broken invariant)[^\n]*/.exec(this.log('sessiond') + this.log('bank'));
    if (fault) throw new Error(this.log('sessiond').slice(-4000));
    if (process.env.SES_JOURNEY_KEEP === undefined) rmSync(this.dir, { recursive: true });
  }
}
