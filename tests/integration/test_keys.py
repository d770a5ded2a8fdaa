"""Rings of keys under load: each is rotated several times while payments live on, workers are replaced and killed, and nobody is refused,
nothing becomes unreadable. And what the order of a rotation protects from."""
import concurrent.futures
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

import grpc

from harness import BUILD, PATIENCE, Server, has_test_hooks, unique, wait_until, whoever_arguments
from session_service import Sessions, explain

SHOPPERS = 4
PAUSE_S = 0.1  # of a shopper between two payments: some hundred payments are enough, at whatever speed the rotations go
ROUNDS = 3


def ctl(data, *args):
    return subprocess.run([BUILD / "sessiondctl", "--data", data, *args], capture_output=True, text=True, timeout=PATIENCE, check=False)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Shoppers:
    """Payments from several connections until told to stop: new ones, and those of before, whatever key made their tokens, records
    and handles. What a worker was executing when it was killed may fail, as UNAVAILABLE or by a broken connection, and is asked again."""

    def __init__(self, server):
        self.server, self.lock = server, threading.Lock()
        self.payments, self.refused, self.asked = [], [], 0
        self.stopped = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(SHOPPERS)
        self.running = [self.pool.submit(self.shop) for _ in range(SHOPPERS)]

    def again(self, call, *args, **fields):
        """The answer, however often a dying worker takes it along; None when it is refused, which is noted."""
        while True:
            try:
                self.asked += 1
                return call(*args, **fields)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.refused.append((call.__name__, *explain(error)))
                    return None
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    self.refused.append((call.__name__, error.code))
                    return None
            except OSError:
                pass
            time.sleep(0.01)

    def come_back(self, handle):
        opener = urllib.request.build_opener(NoRedirect)
        request = urllib.request.Request(f"http://{self.server.next().address}/r/{handle}", data=b"cres=passed")
        try:
            opener.open(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            if error.code == 303:
                return True
            raise
        raise AssertionError("a return was not sent on")

    def visit(self, client, payment):
        """The token's signature and the record's seal, and once the step's handle."""
        session, token, handle = payment
        self.again(client.get, token, session)
        if handle is not None:
            self.again(self.come_back, handle)

    def begin(self, client):
        session = unique()
        token = self.again(client.create, session)
        step = token and self.again(client.begin, token, session, return_url="https://shop.example/done", event_id=session)
        return step and [session, token, step.step_handle]

    def shop(self):
        client = Sessions(self.server.address)
        try:
            while not self.stopped.is_set():
                payment = self.begin(client)
                if payment is None:
                    continue
                with self.lock:
                    self.payments.append(payment)
                    before = random.choice(self.payments)
                    come = [before[0], before[1], None if random.random() < 0.7 else before[2]]
                self.visit(client, come)
                self.stopped.wait(PAUSE_S)
        finally:
            client.close()

    def stop(self):
        self.stopped.set()
        for running in self.running:
            running.result()
        self.pool.shutdown()


CONFIG = 'redirect:\n  return_urls: ["* https://shop.example"]\n'


class Case(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, sandbox=False, config=CONFIG).start()
        self.addCleanup(self.server.cleanup)

    def ctl(self, *args, code=0):
        done = ctl(self.server.data, *args)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def generate(self, purpose):
        return self.ctl("keys", "generate", f"--{purpose}").split()[0]

    def reload(self):
        self.server.tell(signal.SIGHUP, "reloaded")

    def states(self, purpose):
        keys = json.loads(self.ctl("--json", "keys", "list"))["keys"]
        return {key["kid"]: key["state"] for key in keys if key["purpose"] == purpose}


class Rotation(Case):
    def kill_one(self):
        victim = random.choice(self.server.workers())
        os.kill(victim, signal.SIGKILL)
        return victim

    def rotate(self, purpose):
        new = self.generate(purpose)
        self.ctl("keys", "activate", new, code=1)  # no worker knows it
        self.reload()
        self.ctl("keys", "activate", new)
        killed = self.kill_one()  # its successor seals with the new key beside one that still seals with the old one
        wait_until(lambda: self.server.have_replaced([killed]), "the successor")
        self.reload()
        return new

    def test_nobody_is_refused_and_nothing_is_lost(self):
        shoppers = Shoppers(self.server)
        try:
            made = [self.rotate(purpose) for _ in range(ROUNDS) for purpose in ("test", "live", "seal", "step")]
            before = len(shoppers.payments)
            wait_until(lambda: len(shoppers.payments) > before + SHOPPERS, "payments that began under the last keys")
        finally:
            shoppers.stop()
        self.assertEqual(shoppers.refused, [])
        self.assertEqual(self.states("seal"), {"seal-1": "open-only", "seal-2": "open-only", "seal-3": "open-only", "seal-4": "active"})
        self.assertEqual(self.states("step")["step-4"], "active")
        self.assertEqual(len(made), 4 * ROUNDS)
        client = Sessions(self.server.address)
        for payment in shoppers.payments:  # every token, record and handle once more
            shoppers.visit(client, payment)
        client.close()
        self.assertEqual(shoppers.refused, [])
        check = json.loads(self.ctl("--json", "store", "check"))
        self.assertEqual((check["total"]["damaged"], check["duplicates"]), (0, 0))
        rows = [json.loads(line) for line in self.ctl("--json", "store", "list").splitlines()]
        self.assertEqual({row["seal_key"] for row in rows}, {1, 2, 3, 4})
        prefixes = {payment[2][:3] for payment in shoppers.payments}
        self.assertEqual(prefixes, {"s2.", "s3."})
        print(f"{len(shoppers.payments)} payments, {shoppers.asked} calls, {len(made)} rotations")
        self.server.stop()


class Order(Case):
    def test_a_seal_key_that_seals_records_is_kept(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        session = unique()
        token = client.create(session)
        self.assertIn("active", self.ctl("keys", "retire", "seal-1", code=1))
        new = self.generate("seal")
        self.reload()
        self.ctl("keys", "activate", new)
        self.assertIn(f"kill -HUP {self.server.process.pid}", self.ctl("keys", "retire", "seal-1", code=1))
        self.reload()
        self.assertIn("1 records are sealed with this key", self.ctl("keys", "retire", "seal-1", code=1))
        self.assertIn("are lost", self.ctl("keys", "revoke", "seal-1", code=1))
        self.assertEqual(client.get(token, session).merchant_session_id, session)
        self.assertEqual(self.states("seal"), {"seal-1": "open-only", "seal-2": "active"})
        if not has_test_hooks():
            self.skipTest("this build's clocks cannot be moved (SES_TEST_HOOKS)")
        self.server.clock.pass_(24 * 3600)  # the session is over and collected
        wait_until(lambda: ctl(self.server.data, "keys", "retire", "seal-1").returncode == 0, "the key to be unused")
        self.reload()
        self.assertEqual(self.states("seal"), {"seal-2": "active"})
        client.create(unique())
        self.server.stop()

    def test_a_step_key_that_leaked_is_revoked(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        session = unique()
        token = client.create(session)
        handle = client.begin(token, session, return_url="https://shop.example/done").step_handle
        new = self.generate("step")
        self.reload()
        self.ctl("keys", "activate", new)
        self.reload()
        self.assertIn("8 days", self.ctl("keys", "retire", "step-1", code=1))
        self.assertEqual(self.server.curl(f"/r/{handle}?cres=1")[0], 303)
        self.ctl("keys", "revoke", "step-1")
        self.reload()
        self.assertEqual(self.server.curl(f"/r/{handle}?cres=1")[0], 404)
        self.ctl("keys", "retire", "step-1")
        self.reload()
        self.server.stop()

    def test_a_damaged_ring_is_refused_at_a_reload_and_touches_nothing(self):
        new = self.generate("seal")
        path = self.server.data / "keys" / "seal" / f"{new}.json"
        good = path.read_text()
        for bad, words in ((good.replace("k4.local.", "k4.local.A"), "not a whole key file"), (good.replace('"seal-2"', '"seal-3"'), "not named after")):
            path.write_text(bad)
            self.server.tell(signal.SIGHUP, "reload_refused")
            self.assertIn(words, self.server.own_lines("reload_refused")[-1]["msg"])
            self.assertIn(str(path), self.server.own_lines("reload_refused")[-1]["msg"])
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        client.create(unique())
        path.write_text(good)
        self.reload()
        self.server.stop()


class Files(Case):
    def test_a_data_directory_of_before_there_were_rings(self):
        """What the version before left: two files of 32 bytes, no directories for rings."""
        client = Sessions(self.server.address)
        session = unique()
        token = client.create(session)
        handle = client.begin(token, session, return_url="https://shop.example/done").step_handle
        client.close()
        self.server.stop()
        keys = self.server.data / "keys"
        self.assertEqual([(keys / name).stat().st_size for name in ("seal-1.key", "step.key")], [32, 32])
        shutil.rmtree(keys / "seal")
        shutil.rmtree(keys / "step")
        self.assertEqual(self.states("seal"), {"seal-1": "active"})
        check = subprocess.run([BUILD / "sessiond", *whoever_arguments(), "--data", self.server.data, "--listen", "127.0.0.1:0",
                                "--admin", "127.0.0.1:0", "--check"], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertFalse((keys / "seal").exists())
        self.server.start()
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        self.assertEqual(client.get(token, session).merchant_session_id, session)
        self.assertEqual(self.server.curl(f"/r/{handle}?cres=1")[0], 303)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
