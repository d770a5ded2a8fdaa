// Two machines on the database that SES_PG names: what of the configuration says so, what an operator copies, and who sends each request to
// the other machine than the one before.
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';

export const wanted = process.env.SES_PG !== undefined;

// Lines of the section store; the password has a file of its own.
export function storeLines(folder) {
  if (!wanted) return [];
  const words = process.env.SES_PG.split(' ');
  const password = words.find((word) => word.startsWith('password='));
  const path = join(folder, 'password');
  writeFileSync(path, `${password.slice('password='.length)}\n`, { mode: 0o600 });
  return ['store:', '  driver: pg', '  pg:', `    shards: ["${words.filter((word) => word !== password).join(' ')}"]`,
    `    password_file: ${path}`];
}

export function simulatorLines(address) {
  return ['connectors:', ...['nuvei:/nuvei', 'paytm:/paytm/', 'stripe:/stripe/'].flatMap((row) => {
    const [name, path] = row.split(':');
    return [`  ${name}:`, `    sandbox_url: http://${address}${path}`];
  })];
}

// Keys and the like. Of a data directory, what stays here is a machine's own.
export function giveFiles(from, to) {
  const own = ['lock', 'machine', 'operator.sock', 'shards', 'time', 'clock'];
  mkdirSync(to, { mode: 0o700, recursive: true });
  for (const name of readdirSync(from)) if (!own.includes(name)) cpSync(join(from, name), join(to, name), { recursive: true });
}

// In front of both, on a port of its own: each request goes to the machine whose turn it is.
export class Turns {
  static async open(port, ports) {
    const turns = new Turns();
    turns.taken = 0;
    turns.server = createServer((asked, answer) => turns.pass(ports, asked, answer));
    await new Promise((done) => { turns.server.listen(port, '127.0.0.1', done); });
    return turns;
  }

  // What breaks on the machine's side breaks on the client's: nothing is tried again here.
  pass(ports, asked, answer) {
    this.taken += 1;
    const { method, url: path, rawHeaders: headers } = asked;
    const there = request({ host: '127.0.0.1', port: ports[this.taken % ports.length], method, path, headers, agent: false }, (got) => {
      answer.writeHead(got.statusCode, got.rawHeaders);
      got.on('error', () => answer.destroy());
      got.pipe(answer);
    });
    there.on('error', () => answer.destroy());
    answer.on('close', () => there.destroy());
    asked.pipe(there);
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((done) => { this.server.close(done); });
  }
}
