"""deploy/cluster.sh, and that its search for what was acknowledged finds what is not there."""
import os
import subprocess
import sys
import unittest

from harness import SOURCE
from node import PATIENCE
from pg_case import needs_servers
from pg_machines import MachinesCase

sys.path.insert(0, str(SOURCE / "deploy" / "cluster"))
from payments import Client, Payment  # noqa: E402

BUILD = os.environ.get("SES_BUILD", "build-gcc")


@needs_servers
class OnceTest(unittest.TestCase):
    def test_it_loses_nothing_and_leaves_nothing(self):
        done = subprocess.run([SOURCE / "deploy" / "cluster.sh", "--once", BUILD], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=10 * PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("== kill -9 of the primary", done.stdout)
        self.assertTrue(done.stdout.endswith("== nothing was lost\n"), done.stdout)

    def test_what_it_does_not_know(self):
        done = subprocess.run([SOURCE / "deploy" / "cluster.sh", "--twice"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--twice is unknown", done.stderr)


@needs_servers
class CheckTest(MachinesCase):
    def test_what_is_lost_is_found(self):
        server = self.machine().start()
        client, payments = Client([("127.0.0.1", server.port)]), [Payment(), Payment()]
        client.play(payments[0])
        self.pair.primary.sql("CREATE TABLE kept AS SELECT * FROM session")
        client.play(payments[1])
        self.assertEqual([client.check(payment) for payment in payments], ["", ""])
        self.pair.primary.sql("DELETE FROM session; INSERT INTO session SELECT * FROM kept")
        self.assertEqual(client.check(payments[0]), "")
        self.assertIn(payments[1].id, client.check(payments[1]))

    def test_what_went_back_is_found(self):
        server = self.machine().start()
        client, payment = Client([("127.0.0.1", server.port)]), Payment()
        client.play(payment)
        payment.version += 1
        self.assertIn("was acknowledged as version", client.check(payment))


if __name__ == "__main__":
    unittest.main()
