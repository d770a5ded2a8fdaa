// What a journey needs: sessiond in sandbox mode, the simulated bank, a simulated payment server, the demonstration shop, a browser. Programs come from the
// directory in SES_BUILD; screenshots go to <SES_BUILD>/journey.
//
// Two sites, so that the browser treats the bank's POST as cross-site: the shop and sessiond's return URL are on localhost, the
// bank is on 127.0.0.1 (ports do not make a site).
//
// With a database in SES_PG (tests/pg/with_cluster.py) there are two machines on it (two_machines.mjs), and requests go to them in turn.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { freePort } from './ports.mjs';
import { Turns, giveFiles, simulatorLines, storeLines, wanted } from './two_machines.mjs';

const source = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const build = resolve(process.env.SES_BUILD ?? join(source, 'build-gcc'));
export const shots = join(build, 'journey');
export const patienceMs = 120000; // ends what hangs; no verdict hangs on it

export const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

// What waiting does not mend.
class Hopeless extends Error {}

// Until predicate says so; what it throws meanwhile is a no.
export async function waitFor(what, predicate, ms = patienceMs) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await predicate().catch((error) => { if (error instanceof Hopeless) throw error; return false; });
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(25);
  }
}

const ended = (child) => (child.pid === undefined || child.exitCode !== null || child.signalCode !== null
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
    [world.paymentsPort, world.paymentsControl] = [await freePort(), await freePort()];
    world.machines = [{ name: 'sessiond', port: world.port, adminPort: world.adminPort }];
    if (wanted) {
      world.machines = [{ ...world.machines[0], port: await freePort() }, { name: 'sessiond-2', port: await freePort(), adminPort: await freePort() }];
      world.simulator = `127.0.0.1:${await freePort()}`;
    }
    world.shop = `http://localhost:${world.shopPort}`;
    world.bank = `http://127.0.0.1:${world.bankPort}`;
    world.returns = `http://localhost:${world.port}/r/`;
    world.api = `http://127.0.0.1:${world.port}`;
    mkdirSync(shots, { recursive: true });
    // Restarts are what is tested: no budget and no growing delay in the way. A breaker that has opened stays open.
    world.config = ['restart:', '  budget: 1000', '  delay_max_ms: 50',
      'connector:', '  breaker_failures: 3', '  breaker_open_ms: 600000',
      'redirect:', `  public_url: http://localhost:${world.port}`, 'upstream:', `  grpc: 127.0.0.1:${world.paymentsPort}`, ...config, ...storeLines(world.dir), ''];
    world.start('bank', join(build, 'sessiond-sim'), ['--listen', `127.0.0.1:${world.bankPort}`]);
    world.startPayments();
    await world.startServer();
    if (wanted) world.turns = await Turns.open(world.port, world.machines.map((machine) => machine.port));
    world.shopProcess = world.start('shop', process.execPath, [join(source, 'deploy/demo/shop.mjs')], {
      SHOP_PORT: String(world.shopPort), SHOP_URL: world.shop, SESSIOND_URL: world.api,
    });
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

  async startServer() {
    this.clock ??= join(this.dir, 'clock');
    if (!existsSync(this.clock)) writeFileSync(this.clock, Buffer.alloc(16));
    for (const machine of this.machines) { // one after the other: the first one makes the keys
      this.startMachine(machine);
      await this.ready(machine);
    }
    this.server = this.machines[0].process;
  }

  startMachine(machine) {
    const [first] = this.machines;
    machine.data = join(this.dir, `${machine.name}.data`);
    const config = join(this.dir, `${machine.name}.yaml`);
    writeFileSync(config, [...this.config, ...(machine === first ? [] : simulatorLines(this.simulator)), ''].join('\n'));
    if (machine !== first) giveFiles(first.data, machine.data);
    machine.process = this.start(machine.name, join(build, 'sessiond'), ['--sandbox', '--workers', '2', '--listen', `127.0.0.1:${machine.port}`,
      '--admin', `127.0.0.1:${machine.adminPort}`, '--data', machine.data, '--config', config,
      ...(wanted && machine === first ? ['--simulator', this.simulator] : [])], { SESSIOND_TEST_CLOCK: this.clock });
  }

  // Its book outlives it, as a connector does.
  startPayments() {
    const program = join(source, 'tests/integration/upstream_sim.py');
    const args = ['-B', program, `${this.paymentsPort}`, `${this.paymentsControl}`, join(this.dir, 'payments.book')];
    this.payments = this.start('payments', '/usr/bin/python3', args, { ACS_URL: `${this.bank}/acs/challenge` });
  }

  log(name) {
    return readFileSync(join(this.dir, `${name}.log`), 'utf8');
  }

  async ready(machine) {
    await waitFor('sessiond', async () => {
      if (machine.process.exitCode !== null || machine.process.pid === undefined) throw new Hopeless('sessiond ended');
      return (await fetch(`http://127.0.0.1:${machine.adminPort}/readyz`)).ok;
    }).catch((error) => { throw new Error(`${error.message}: ${this.log(machine.name).slice(-2000)}`); });
  }

  // Time passes for the server (include/sessiond/base/clock.h): the second of the two words of its clock's file. Reads of a database are
  // closed then until the next write of each process is acknowledged.
  async passTime(seconds) {
    const words = Buffer.from(readFileSync(this.clock));
    words.writeBigInt64LE(words.readBigInt64LE(8) + BigInt(seconds * 1000), 8);
    const file = openSync(this.clock, 'r+');
    writeSync(file, words, 8, 8, 8);
    closeSync(file);
    for (const machine of this.machines) {
      await waitFor('reads to be open', async () => ((await (await this.readyz(machine)).json()).shards ?? []).every((shard) => shard.reads));
    }
  }

  // ---- what can go wrong

  readyz(machine) {
    return fetch(`http://127.0.0.1:${machine.adminPort}/readyz`);
  }

  // Of all machines.
  async workerRows() {
    const pages = await Promise.all(this.machines.map(async (machine) => (await this.readyz(machine)).json()));
    return pages.flatMap((page) => page.workers);
  }

  // kill -9 of every worker: whichever would have taken the next request is gone. Until the first of the replacements serves, clients
  // are answered 503 (integration/sockets), and on a busy machine that may be long.
  async killWorkers() {
    const killed = (await this.workerRows()).map((row) => row.pid);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    await waitFor('the replaced workers', async () => (await this.workerRows())
      .every((row) => row.state === 'ready' && !killed.includes(row.pid)));
  }

  // All processes at once, as a power cut of the machines would leave them, and a new start on the same data.
  async restartServer() {
    const pids = this.machines.map((machine) => machine.process.pid).flatMap((pid) => [pid,
      ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)]);
    for (const pid of pids) {
      try { process.kill(pid, 'SIGKILL'); } catch (error) { if (error.code !== 'ESRCH') throw error; }
    }
    await Promise.all(this.machines.map((machine) => ended(machine.process)));
    await this.startServer();
  }

  payment(path, body) {
    return fetch(`http://127.0.0.1:${this.paymentsControl}${path}`, { method: 'POST', body: JSON.stringify(body) });
  }

  // From now on the connector has been asked, and the payment server waits with its answers.
  holdConnector() {
    return this.payment('/script', { path: '*', way: 'hold' });
  }

  connectorHolds() {
    return waitFor('a call at the connector', async () => (await (await fetch(`http://127.0.0.1:${this.paymentsControl}/calls`)).json()).held > 0);
  }

  releaseConnector() {
    return this.payment('/release', {});
  }

  async killPayments() {
    this.payments.kill('SIGKILL');
    await ended(this.payments);
    this.startPayments();
    await waitFor('the payment server', () => this.connectorCalls());
  }

  // ---- calls beside the browser

  // What the payment server has asked the connector for an order: [{method, merchant_id, means, ..}].
  async connectorCalls(order = '') {
    const { calls } = await (await fetch(`http://127.0.0.1:${this.paymentsControl}/calls`)).json();
    return calls.filter((call) => call.merchant_id.startsWith(order));
  }

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

  // A test session as the operator sees it.
  session(order) {
    const shown = execFileSync(join(build, 'sessiondctl'), ['--data', this.machines[0].data, 'session', 'show', order, '--test', '--json']);
    return JSON.parse(shown).session;
  }

  async facts(order) {
    return (await fetch(`${this.shop}/orders/${order}/facts`)).json();
  }

  async close() {
    await this.browser?.close();
    await this.turns?.close();
    this.payments?.kill('SIGINT'); // TERM never ends it
    for (const child of this.children.reverse()) if (child.exitCode === null) child.kill('SIGTERM');
    await Promise.all(this.children.map(ended));
    const logs = this.machines.filter((machine) => machine.process).map(({ name }) => this.log(name));
    const fault = /(AddressSanitizer|LeakSanitizer|runtime error:|broken invariant)[^\n]*/.exec(logs.join('') + this.log('bank'));
    if (fault) throw new Error(logs.map((log) => log.slice(-4000)).join('\n'));
    if (process.env.SES_JOURNEY_KEEP === undefined) rmSync(this.dir, { recursive: true });
  }
}
