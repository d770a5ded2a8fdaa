"""kill -9 of workers, of the housekeeper, of everything, and of the primary, at random instants while sessions move to PostgreSQL and back
under load. Seed printed (SES_CRASH_SEED), rounds of each step by SES_MOVE_ROUNDS."""
import contextlib
import os
import random
import signal
import time

from harness import wait_until
from moving import BACK, FORTH, MovingCase, Payments
from pg_case import needs_servers

ROUNDS = int(os.environ.get("SES_MOVE_ROUNDS", "1"))
SEED = int(os.environ.get("SES_CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))


@needs_servers
class Kill(MovingCase):
    def housekeeper(self, server):
        return [pid for pid in server.children() if pid not in server.workers()]

    def kill_some(self, server, dice):
        everything = 0 if server.step == "pg" else 2  # a server that starts with pg has no way back by a reload
        kind = dice.choices(["worker", "workers", "housekeeper", "everything"], [4, 2, 1, everything])[0]
        time.sleep(dice.uniform(0.02, 0.3))  # an instant like any other
        if kind == "everything":
            server.hang_up()
            server.kill()
            server.start()
            return
        workers = server.workers()
        killed = {"worker": [dice.choice(workers)], "workers": workers, "housekeeper": self.housekeeper(server)}[kind]
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.have_replaced(killed), "the replaced processes")

    def test_nothing_is_lost_on_the_way(self):
        dice = random.Random(SEED)
        print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
        server = self.moving().start()
        with Payments(server) as payments:
            payments.some_more()
            for step in (*FORTH, *BACK):
                server.go(step)
                for _ in range(ROUNDS if step not in ("pg", "lmdb") else 1):
                    self.kill_some(server, dice)
                payments.some_more()
            for step in FORTH:
                server.go(step)
            payments.some_more()
        self.assertEqual(payments.lost(), [])
        print(f"{len(payments.payments)} payments, {payments.client.acknowledged} calls acknowledged", flush=True)
        server.hang_up()
        self.assertEqual(server.stop(), 0)

    def test_a_primary_that_goes_while_sessions_move(self):
        """What is on the machine's disk is served on, and the rest is brought over when the primary is back."""
        server = self.moving().start()
        with Payments(server) as payments:
            payments.some_more(200)
            server.go("know")
        here = [payment for payment in payments.payments if payment.told]
        self.pair.primary.kill()
        self.assertEqual([text for text in map(payments.client.check, here) if text], [])
        self.pair.primary.start()
        server.go("to_pg")
        self.pair.primary.kill()
        time.sleep(0.5)  # in the middle of it, or at its end
        self.pair.primary.start()
        server.go("pg")
        self.assertEqual(payments.lost(), [])
