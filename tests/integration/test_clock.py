"""The machine's clock is set, by little and by much, in both directions, with and without a restart: no session is lost for it, no
token refused, nothing collected. Time that passes ends what it should.

The clocks are moved through the test hook (harness.Clock); one test moves the real one by libfaketime, where that is installed."""
import glob
import hashlib
import unittest

import grpc
from google.protobuf import json_format

from harness import ADYEN, Server, claims, create_request, initial_metadata, instant, unique, violated_fields, wait_until
from session_service import Sessions, refusal
from variants import sim_metadata

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

    def clock_files(self):
        return self.server.data / "time" / "clock", self.server.data / "clock"

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
                wait_until(lambda: self.server.metric("sessiond_clock_steps_total") > steps, "the step to be noticed")
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
        self.forget()
        self.clock.step(86400)
        self.server.start()
        name = unique("ahead")
        made[name] = self.sessions().create(name)
        self.server.stop()
        self.forget()
        self.clock.step(-86400)
        self.server.start()
        self.assertGreater(self.server.metric("sessiond_store_records_ahead_seconds"), 86000)
        wait_until(lambda: self.server.lines("records_ahead"), "the line")
        name = unique("after")
        made[name] = self.sessions().create(name)
        self.find_all(made)
        self.restart()
        self.find_all(made)

    def forget(self):
        for path in self.clock_files():
            path.unlink()

    def test_a_damaged_file_is_as_none(self):
        name = unique()
        made = {name: self.sessions().create(name)}
        for damaged in (1, 2):
            self.server.stop()
            for path in self.clock_files()[:damaged]:
                path.write_bytes(b"sessiond-clock 1\nboot \xff")
            told = len(self.server.lines("clock_unreadable"))
            self.server.start()
            self.assertEqual(len(self.server.lines("clock_unreadable")) - told, damaged)
            self.assertEqual(self.server.lines("clock_started")[-1]["from"], "kept" if damaged == 1 else "world", "one that is whole is enough")
            self.find_all(made)

    def test_to_a_version_before_and_back(self):
        """That one has and writes <data>/clock alone. Each goes on from what the other has told last, also where it did not end in order."""
        ours, formers = self.clock_files()
        name = unique()
        made = {name: self.sessions().create(name)}
        self.clock.step(86400)  # the clock's file alone knows of it
        wait_until(lambda: self.server.metric("sessiond_clock_steps_total") > 0, "the step to be noticed")
        self.server.stop()
        self.assertEqual(ours.read_bytes(), formers.read_bytes())
        self.assertEqual(ours.stat().st_mode & 0o777, 0o600)
        ahead = self.ahead_after_start(lambda: (ours.unlink(), ours.parent.rmdir()))
        self.assertEqual(self.server.lines("clock_started")[-1]["from"], "kept", "as that version left it")
        self.assertTrue(ours.exists())
        self.find_all(made)
        self.server.stop()
        # That version ran on until the machine stopped; then this one did, while that one's file lies there.
        for newer, older in ((formers, ours), (ours, formers)):
            later = self.ahead_after_start(lambda newer=newer, older=older: (self.reboot(older), self.reboot(newer, 200_000)))
            self.assertAlmostEqual(ahead - later, 200_000, delta=60_000, msg=f"{newer} is the later one")
            ahead = later
            self.find_all(made)
            self.server.stop()

    def ahead_after_start(self, change):
        change()
        self.server.start()
        return self.server.lines("clock_started")[-1]["ahead_ms"]

    def test_a_step_is_kept_while_the_server_runs(self):
        """By the housekeeper, which may write in that directory and no other."""
        ours, formers = self.clock_files()
        before, formers_before = ours.read_bytes(), formers.read_bytes()
        self.clock.step(3600)
        wait_until(lambda: b"\nsteps 1\n" in ours.read_bytes(), "the step to be kept")
        self.assertNotEqual(ours.read_bytes(), before)
        self.assertEqual(formers.read_bytes(), formers_before)
        self.assertEqual(self.server.lines("clock_not_kept"), [])

    def test_another_boot_of_the_machine(self):
        """Its clock may be behind, or say how long it was off."""
        for seconds in (0, -3600, 300):
            name = unique()
            made = {name: self.sessions().create(name)}
            self.server.stop()
            for path in self.clock_files():
                self.reboot(path)
            self.clock.step(seconds)
            self.server.start()
            self.assertEqual(self.server.lines("clock_started")[-1]["from"], "resumed")
            self.find_all(made)

    def reboot(self, path, later_ms=0):
        lines = path.read_text().splitlines(keepends=True)[:-1]
        lines[1] = "boot 00000000-0000-0000-0000-000000000000\n"
        lines[3] = f"told {int(lines[3].split()[1]) + later_ms}\n"
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
        wait_until(lambda: self.server.metric("sessiond_store_collected_total") >= 18, "the collection of expired sessions")


STATE = {"access_token": {"token": {"value": "t"}, "token_type": "Bearer", "expires_in_seconds": 3600}}


class TheSameInstant(ClockCase):
    def test_state_as_get_session_told_it_is_a_replay(self):
        client, name = self.sessions(), unique()
        token = client.create(name, state=STATE)
        for seconds in (1, 61, 700):
            self.clock.pass_(seconds)
            told = client.get(token, name)
            left = told.state.access_token.expires_in_seconds
            self.clock.pass_(2)
            answer, call = self.server.call(create_request(name, state=json_format.MessageToDict(told.state)), METADATA)
            self.assertEqual(initial_metadata(call).get("x-session-replayed"), "true", seconds)
            after = client.get(token, name)  # not superseded
            self.assertEqual((after.version, after.generation), (1, 1))
            self.assertLessEqual(after.state.access_token.expires_in_seconds, left - 2)  # it counts on from what was told first
        same = client.advance(token, name, state=json_format.MessageToDict(told.state))
        self.assertEqual(same.session.version, 1)

    def test_seconds_worked_out_anew_are_a_replay_and_another_end_is_not(self):
        client, name = self.sessions(), unique()
        token = client.create(name, state=STATE)
        self.clock.pass_(4)
        client.create(name, state={"access_token": {**STATE["access_token"], "expires_in_seconds": 3596}})
        self.assertEqual(client.get(token, name).generation, 1)
        client.create(name, state={"access_token": {**STATE["access_token"], "expires_in_seconds": 1800}})
        self.assertEqual(refusal(client.get, token, name)[1], "TOKEN_SUPERSEDED")


class TheConnectorsEnd(ClockCase):
    def end_in(self, seconds):
        return {"token": {"value": "t"}, "expires_ms": round((self.clock.time() + seconds) * 1000)}

    def test_session_and_token_end_with_it(self):
        client, name = self.sessions(), unique()
        token = client.create(name)
        answer = client.advance(token, name, connector_session=self.end_in(300), renew_token=True)
        self.assertLessEqual(answer.session.expires_in_seconds, 300)
        self.assertAlmostEqual(answer.session.expires_ms, answer.session.connector_session.expires_ms, delta=2)
        self.assertLessEqual(self.life(answer.session_token), 300)
        self.clock.pass_(100)
        answer = client.begin(answer.session_token, name, return_url="https://shop.example/back", step_seconds=3600)
        self.assertLessEqual(answer.session.expires_in_seconds, 200)
        self.assertAlmostEqual(answer.expires_ms, answer.session.connector_session.expires_ms, delta=2)
        answer = client.advance(token, name, "CHALLENGE_PASSED")
        self.assertLessEqual(answer.session.expires_in_seconds, 200)
        self.assertLessEqual(self.life(answer.session_token), 200)
        self.clock.pass_(205)
        self.assertEqual(refusal(client.get, answer.session_token, name)[1], "TOKEN_EXPIRED")
        self.assertEqual(refusal(client.get, token, name)[1], "SESSION_EXPIRED")  # it says so itself of a later end

    def life(self, token):
        return instant(claims(token)["exp"]) - self.clock.time()

    def test_another_unit_or_the_past_is_refused_by_name(self):
        client, name = self.sessions(), unique()
        token = client.create(name)
        now = self.clock.time()
        for value in (round(now + 300), round((now + 300) * 1e6), round((now + 300) * 1e9), round((now - 5) * 1000), 1, -1):
            for event in (None, "PROCESSING_STARTED"):
                with self.assertRaises(grpc.RpcError) as raised:
                    client.advance(token, name, event, connector_session={"token": {"value": "t"}, "expires_ms": value})
                self.assertEqual(raised.exception.code().name, "INVALID_ARGUMENT", value)
                self.assertEqual(violated_fields(raised.exception), ["connector_session.expires_ms"])
        self.assertEqual(client.get(token, name).version, 1)
        # What is stored may be handed back, also when it is over.
        answer = client.advance(token, name, "PROCESSING_STARTED", event_id="e1", connector_session=self.end_in(300), renew_token=True)
        stored = answer.session.connector_session.expires_ms
        self.clock.pass_(600)
        again = client.advance(answer.session_token, name, connector_session={"expires_ms": stored})
        self.assertEqual(again.session.version, answer.session.version)
        client.advance(answer.session_token, name, "PROCESSING_STARTED", event_id="e1", connector_session={"expires_ms": stored - 9999})

    def test_what_the_connectors_documents_say(self):
        """These two live for 15 minutes from their making, whatever happens to ours."""
        for connector in ("nuvei", "paytm"):
            client, name = self.sessions(), unique()
            token = client.create(name, connector=sim_metadata(connector))
            self.clock.pass_(600)
            answer = client.begin(token, name, return_url="https://shop.example/back", step_seconds=3600)
            self.assertIn(answer.session.expires_in_seconds, range(200, 301))
            self.assertGreater(answer.session.connector_session.expires_ms, 0)


class ProcessingForLong(ClockCase):
    def test_a_create_answers_with_a_live_token(self):
        client, name = self.sessions(), unique()
        token = client.create(name)
        client.advance(token, name, "PROCESSING_STARTED")
        for days in (1, 5, 1.5, 8, 100):
            self.clock.pass_(days * 86400)
            fresh = client.create(name)
            self.assertGreaterEqual(instant(claims(fresh)["exp"]) - self.clock.time(), 890)
            self.assertEqual(client.get(fresh, name).status, 5)
        again = client.create(name)
        self.assertEqual(claims(fresh), claims(again))
        if ".public." in again:
            self.assertEqual(fresh, again)  # the same claims, signed again


FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class TheRealClock(ClockCase):
    """The same by another hand: the system call itself lies."""

    def setUp(self):
        self.server = Server(workers=2, config=CONFIG)
        self.addCleanup(self.server.cleanup)
        self.offset = self.server.data.parent / "faketime"
        self.set(0)
        self.server.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=str(self.offset), FAKETIME_NO_CACHE="1",
                               FAKETIME_DONT_FAKE_MONOTONIC="1", ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        self.server.start()

    def set(self, seconds):
        fresh = self.offset.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self.offset)

    def test_steps_lose_nothing(self):
        made = {}
        for seconds in (-2, 3600, 0, -86400):
            name = unique("before")
            made[name] = self.sessions().create(name)
            self.set(seconds)
            self.find_all(made)
            self.server.stop()
            self.server.start()
            self.find_all(made)
        self.assertGreaterEqual(self.server.metric("sessiond_clock_steps_total"), 3)


class WhatIsTold(ClockCase):
    def test_times_are_the_worlds(self):
        """Of answers and of tokens, whatever sessiond's own time is."""
        for seconds in (0, 3600, -86400):
            self.clock.step(seconds)
            client, name = self.sessions(), unique()
            before = self.clock.time()
            token = client.create(name)
            created = self.clock.time()
            session = client.get(token, name)
            got = {key: instant(claims(token)[key]) for key in ("iat", "nbf", "exp")}
            self.assertEqual(got["nbf"], got["iat"] - 2)
            for at, end in ((session.created_ms / 1000, created), (session.updated_ms / 1000, created), (session.expires_ms / 1000 - 900, created),
                            (got["iat"], created), (got["exp"] - 900, created), (session.server_time_ms / 1000, self.clock.time())):
                self.assertGreaterEqual(at, before - 2)  # whole seconds, and a second's unseen step
                self.assertLessEqual(at, end + 2)
            self.assertLessEqual(session.expires_in_seconds, 900)
            self.assertGreaterEqual(session.expires_in_seconds, 900 - 2 - (self.clock.time() - before))

    def test_a_step_is_logged_and_counted(self):
        self.clock.step(3600)
        wait_until(lambda: self.server.metric("sessiond_clock_steps_total") == 1, "the step to be noticed")
        line = wait_until(lambda: self.server.lines("clock_stepped"), "a line that says so")[0]
        self.assertAlmostEqual(line["by_ms"], 3600_000, delta=1000)
        self.assertAlmostEqual(self.server.metric("sessiond_clock_ahead_seconds"), 3600, delta=1)
        self.restart()
        self.assertEqual(self.server.metric("sessiond_clock_steps_total"), 1)
        self.assertAlmostEqual(self.server.metric("sessiond_clock_ahead_seconds"), 3600, delta=1)


if __name__ == "__main__":
    unittest.main()
