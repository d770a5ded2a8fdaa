"""Keys on two machines: each ring is rotated under load, in two waves over both, and nobody is refused, nothing becomes unreadable. And a
machine that was left out does not start, and names what it lacks."""
import os
import random
import shutil
import signal
import unittest

import grpc

from harness import PATIENCE, unique, wait_until
from pg_case import needs_servers
from pg_machines import MachinesCase, remove_keys
from session_service import Sessions
from test_keys import CONFIG, SHOPPERS, Shoppers, ctl

ROUNDS = 1
PURPOSES = ("test", "live", "seal", "step")


class Everywhere(Shoppers):
    """Each call at the other machine than the one before; a browser comes back to any of them."""

    def __init__(self, servers):
        self.servers = servers
        super().__init__(servers[0])

    def come_back(self, handle):
        self.server = random.choice(self.servers)
        return super().come_back(handle)

    def shop(self):
        self.server = self.servers[0]  # whose address stands for both
        super().shop()


@needs_servers
class Rotation(MachinesCase):
    def keys(self, server, *args):
        done = ctl(server.data, "keys", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()[0]

    def reload(self, server):
        before = len(server.lines("reloaded"))
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(server.lines("reloaded")) > before, "the reload")

    def give(self, source, target, purpose, kid):
        """What the operator's secret store does."""
        name = f"{purpose}/{kid}.json"
        shutil.copy2(source.data / "keys" / name, target.data / "keys" / name)

    def lose_worker(self, server):
        """Its successor reads the keys as they are just then."""
        victim = random.choice(server.workers())
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: server.have_replaced([victim]), "the successor")

    def rotate(self, machines, purpose):
        first, second = random.sample(machines, 2)
        kid = self.keys(first, "generate", f"--{purpose}")
        self.reload(first)
        self.give(first, second, purpose, kid)
        self.reload(second)
        for server in random.sample(machines, 2):
            self.keys(server, "activate", kid)
            if random.random() < 0.3:
                self.lose_worker(server)
            self.reload(server)
        return kid

    def test_nobody_is_refused_and_nothing_is_lost(self):
        machines = self.two(workers=2, more=CONFIG)
        self.sessions(*machines).close()  # from here on the first one's address stands for both
        shoppers = Everywhere(machines)
        try:
            made = [self.rotate(machines, purpose) for _ in range(ROUNDS) for purpose in PURPOSES]
            before = len(shoppers.payments)
            wait_until(lambda: len(shoppers.payments) > before + SHOPPERS, "payments that began under the last keys")
        finally:
            shoppers.stop()
        self.assertEqual(shoppers.refused, [])
        client = Sessions(machines[0].address)
        for payment in shoppers.payments * 2:  # every token, record and handle once more, on both
            shoppers.visit(client, payment)
        client.close()
        self.assertEqual(shoppers.refused, [])
        sealed = self.pair.primary.sql("SELECT DISTINCT get_byte(record, 2) FROM session WHERE record IS NOT NULL ORDER BY 1")
        self.assertEqual(sealed.split(), [str(number) for number in range(1, ROUNDS + 2)])
        self.assertEqual(len(made), ROUNDS * len(PURPOSES))
        for server in machines:
            self.assertEqual(server.lines("keys_refused"), [])
        print(f"{len(shoppers.payments)} payments, {shoppers.asked} calls, {len(made)} rotations")
        self.left_out(machines[0], shoppers, made)

    def left_out(self, complete, shoppers, made):
        """A third machine without the newest of one ring, and then with it."""
        server = self.machine(like=complete, more=CONFIG)
        kid = made[-1]  # of the steps
        remove_keys(server, f"step/{kid}.json")
        self.keys(server, "activate", f"step-{ROUNDS}")
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn(f"keys/step/{kid}.json: is missing", server.lines("keys_refused")[-1]["msg"])
        self.give(complete, server, "step", kid)
        self.keys(server, "activate", kid)
        server.start()
        client = Sessions(server.address)
        for session, token, _ in shoppers.payments:
            client.get(token, session)
        client.close()

    def test_in_one_wave_tokens_are_refused(self):
        """Why there are two: a machine that signs with what the other one does not know yet."""
        first, second = self.two()
        here, there = self.sessions(first), self.sessions(second)
        kid, session = self.keys(first, "generate", "--test"), unique()
        self.reload(first)
        self.keys(first, "activate", kid)
        self.reload(first)
        token = here.create(session)
        with self.assertRaises(grpc.RpcError) as caught:
            there.get(token, session)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        self.give(first, second, "test", kid)
        self.reload(second)
        self.assertEqual(there.get(token, session).merchant_session_id, session)


if __name__ == "__main__":
    unittest.main()
