// Ports for what a test starts.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const bound = (socket, begin) => new Promise((done) => {
  socket.once('error', () => done(false));
  begin(() => done(true));
});

async function claimed(port) {
  const claim = createSocket('udp4');
  if (await bound(claim, (done) => claim.bind({ port, address: '127.0.0.1', exclusive: true }, done))) {
    const probe = createServer();
    if (await bound(probe, (done) => probe.listen(port, '127.0.0.1', done))) {
      await once(probe.close(), 'close');
      claim.unref();
      return true;
    }
  }
  claim.close();
  return false;
}

// Below the kernel's range for outgoing connections, of which one may take it before it is listened to. Who has a port's UDP half,
// which nobody here speaks, has the port until its process ends (bench/lib/ports.py does the same).
export async function freePort(first = 12000, end = 32000) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const port = randomInt(first, end);
    if (await claimed(port)) return port;
  }
  throw new Error(`no free port in ${first} .. ${end - 1}`);
}
