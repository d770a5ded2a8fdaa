"""The machine's clock is set, by little and by much, in both directions, with and without a restart: no session is lost for it, no
token refused, nothing collected. Time that passes ends what it should.

The clocks are moved through the test hook (harness.Clock); one test moves the real one by libfaketime, where that is installed."""
import datetime
import hashlib
import unittest

from harness import ADYEN, Server, claims, create_request, initial_metadata, unique, wait_for
from session_service import Sessions, refusal

STEPS = [0.3, 2, 20 * 60, 3600, 86400, -0.3, -2, -20 * 60, -3600, -86400]
CONFIG = "redirect:\n  public_url: https://pay.example\n  return_urls:\n    - \"* https://shop.example\"\n"
METADATA = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]


class ClockCase(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, config=CONFIG).start()
        self.addCleanup(self.server.cleanup)
        self.clock = self.server.clock

    def sessions(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        return client

    def restart(self):
        self.server.stop()
        self.server.start()

    def again(self, name):
        """The same create: is it the same session?"""
        answer, call = self.server.call(create_request(name), METADATA)
        return answer.session_token, initial_metadata(call).get("x-session-replayed") == "true"

    def find_all(self, made):
        client = self.sessions()
        for name, token in made.items():
            self.assertEqual(client.get(token, name).merchant_session_id, name)
            fresh, replayed = self.again(name)
            self.assertTrue(replayed, f"{name} was made a second time")
            self.assertEqual(claims(fresh)["jti"], claims(token)["jti"])
            client.get(fresh, name)


class WhileRunning(ClockCase):
    def test_no_step_loses_a_session_or_a_token(self):
        made = {}
        for seconds in STEPS:
            name = unique("before")
            made[name] = self.sessions().create(name)
            steps = self.server.metric("sessiond_clock_steps_total")
            self.clock.step(seconds)
            name = unique("after")
            made[name] = self.sessions().create(name)
            self.find_all(made)
            if abs(seconds) > 1:
                wait_for(lambda: self.server.metric("sessiond_clock_steps_total") > steps, 60, "the step to be noticed")
            self.find_all(made)
        self.assertEqual(self.server.metric("sessiond_store_collected_total"), 0)


class OverARestart(ClockCase):
    def test_no_step_loses_a_session_or_a_token(self):
        made = {}
        for seconds in STEPS:
            name = unique("before")
            made[name] = self.sessions().create(name)
            self.server.stop()
            self.clock.step(seconds)
            self.server.start()
            name = unique("after")
            made[name] = self.sessions().create(name)
            self.find_all(made)
        self.assertEqual(self.server.metric("sessiond_store_records_ahead_seconds"), 0)
        self.assertEqual(self.server.metric("sessiond_store_collected_total"), 0)

    def test_a_clock_that_was_ahead_for_one_create(self):
        """It was set ahead, one session was made, it was set right, others were made; all processes end and start."""
        made = {}
        for seconds in (20 * 60, 3600, 86400):
            name = unique("before")
            made[name] = self.sessions().create(name)
            self.clock.step(seconds)
            name = unique("ahead")
            made[name] = self.sessions().create(name)
            self.clock.step(-seconds)
            name = unique("after")
            made[name] = self.sessions().create(name)
            self.restart()
            self.find_all(made)
            self.restart()
            self.find_all(made)

    def test_killed_and_started_under_another_clock(self):
        name = unique()
        made = {name: self.sessions().create(name)}
        self.server.kill()
        self.clock.step(-86400)
        self.server.start()
        self.find_all(made)

    def test_without_the_file(self):
        """As after an upgrade: what a clock ahead has written stays, and blocks nothing."""
        made = {}
        self.server.stop()
        (self.server.data / "clock").unlink()
        self.clock.step(86400)
        self.server.start()
        name = unique("ahead")
        made[name] = self.sessions().create(name)
        self.server.stop()
        (self.server.data / "clock").unlink()
        self.clock.step(-86400)
        self.server.start()
        self.assertGreater(self.server.metric("sessiond_store_records_ahead_seconds"), 86000)
        self.assertTrue(self.server.lines("records_ahead"))
        name = unique("after")
        made[name] = self.sessions().create(name)
        self.find_all(made)
        self.restart()
        self.find_all(made)

    def test_a_damaged_file_is_as_none(self):
        name = unique()
        made = {name: self.sessions().create(name)}
        self.server.stop()
        (self.server.data / "clock").write_bytes(b"sessiond-clock 1\nboot \xff")
        self.server.start()
        self.assertTrue(self.server.lines("clock_unreadable"))
        self.find_all(made)

    def test_another_boot_of_the_machine(self):
        """Its clock may be behind, or say how long it was off."""
        for seconds in (0, -3600, 300):
            name = unique()
            made = {name: self.sessions().create(name)}
            self.server.stop()
            self.reboot(self.server.data / "clock")
            self.clock.step(seconds)
            self.server.start()
            self.assertEqual(self.server.lines("clock_started")[-1]["from"], "resumed")
            self.find_all(made)

    def reboot(self, path):
        lines = path.read_text().splitlines(keepends=True)[:-1]
        lines[1] = "boot 00000000-0000-0000-0000-000000000000\n"
        text = "".join(lines)
        path.write_text(text + f"sum {hashlib.blake2b(text.encode(), digest_size=32).hexdigest()}\n")


class TimeThatPasses(ClockCase):
    def test_ends_what_it_should(self):
        name = unique()
        token = self.sessions().create(name)
        self.clock.pass_(14 * 60)
        self.sessions().get(token, name)
        self.clock.pass_(65)
        self.assertEqual(refusal(self.sessions().get, token, name)[1], "TOKEN_EXPIRED")
        fresh = self.sessions().create(name)
        self.assertNotEqual(claims(fresh)["jti"], claims(token)["jti"])

    def test_also_while_the_server_is_down(self):
        name = unique()
        token = self.sessions().create(name)
        self.server.stop()
        self.clock.pass_(15 * 60 + 5)
        self.server.start()
        self.assertEqual(refusal(self.sessions().get, token, name)[1], "TOKEN_EXPIRED")

    def test_a_step_that_was_told_as_timed_out_stays_so(self):
        client, name = self.sessions(), unique()
        token = client.create(name)
        self.assertEqual(client.begin(token, name, return_url="https://shop.example/back", step_seconds=60).session.version, 2)
        self.clock.pass_(61)
        self.assertEqual(client.get(token, name).version, 3)
        for seconds in (-3600, 3600, -86400):
            self.clock.step(seconds)
            self.assertEqual(client.get(token, name).version, 3)
        self.restart()
        self.assertEqual(self.sessions().get(token, name).version, 3)

    def test_expired_sessions_are_collected(self):
        for _ in range(20):
            self.sessions().create(unique())
        self.clock.pass_(3600)
        wait_for(lambda: self.server.metric("sessiond_store_collected_total") >= 18, 60, "the collection of expired sessions")


class WhatIsTold(ClockCase):
    def test_times_are_the_worlds(self):
        """Of answers and of tokens, whatever sessiond's own time is."""
        for seconds in (0, 3600, -86400):
            self.clock.step(seconds)
            client, name = self.sessions(), unique()
            token = client.create(name)
            session = client.get(token, name)
            for at_ms in (session.created_ms, session.updated_ms, session.server_time_ms):
                self.assertAlmostEqual(at_ms / 1000, self.clock.time(), delta=60)
            self.assertAlmostEqual(session.expires_ms / 1000, self.clock.time() + 900, delta=60)
            self.assertIn(session.expires_in_seconds, range(800, 901))
            got = {key: datetime.datetime.fromisoformat(claims(token)[key].replace("Z", "+00:00")).timestamp()
                   for key in ("iat", "nbf", "exp")}
            self.assertEqual(got["nbf"], got["iat"] - 2)
            self.assertAlmostEqual(got["iat"], self.clock.time(), delta=60)
            self.assertAlmostEqual(got["exp"], self.clock.time() + 900, delta=60)

    def test_a_step_is_logged_and_counted(self):
        self.clock.step(3600)
        wait_for(lambda: self.server.metric("sessiond_clock_steps_total") == 1, 60, "the step to be noticed")
        line = wait_for(lambda: self.server.lines("clock_stepped"), 60, "a line that says so")[0]
        self.assertAlmostEqual(line["by_ms"], 3600_000, delta=1000)
        self.assertAlmostEqual(self.server.metric("sessiond_clock_ahead_seconds"), 3600, delta=1)
        self.restart()
        self.assertEqual(self.server.metric("sessiond_clock_steps_total"), 1)
        self.assertAlmostEqual(self.server.metric("sessiond_clock_ahead_seconds"), 3600, delta=1)


if __name__ == "__main__":
    unittest.main()
