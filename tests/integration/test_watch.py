"""WatchSession: news of changes that any worker made, of time, over the death and the replacement of workers."""
import os
import signal
import statistics
import threading
import time
import unittest

import grpc

from harness import PATIENCE, ServerCase, has_test_hooks, unique, wait_until
from session_service import Sessions, connections, explain, refusal, status_name

WORKERS = 3
CONFIG = "session:\n  ttl_seconds: 600\n  rotation_overlap_seconds: 60\nrestart:\n  budget: 1000\n  delay_max_ms: 50\n"
CHANGES = 40
LOOK_S = 0.2  # a stream's timer where clocks can be moved (watch_session.c); else it waits longer


class Stream:
    """A WatchSession stream that is read by a thread of its own."""

    def __init__(self, client, token, session, **fields):
        self.told = []  # (monotonic time, Session)
        self.end = None  # None: open; else the status' name
        self.reason = ""
        self.call = client.watch(token, session, timeout=300, **fields)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for answer in self.call:
                self.told.append((time.monotonic(), answer.session))
            self.end = "OK"
        except grpc.RpcError as error:
            self.end, self.reason, _ = explain(error)

    def versions(self):
        return [session.version for _, session in self.told]

    def statuses(self):
        return [status_name(session) for _, session in self.told]

    def wait_version(self, version):
        wait_until(lambda: self.told and self.told[-1][1].version >= version, f"version {version}")

    def wait_end(self):
        self.thread.join(PATIENCE)
        return self.end


class WatchCase(ServerCase):
    server_options = {"workers": WORKERS, "config": CONFIG}

    def setUp(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def begin(self):
        session = unique()
        return session, self.client.create(session)

    def looks(self):
        return self.server.metric("sessiond_watch_looks_total")

    def watch(self, token, session, **fields):
        stream = Stream(self.client, token, session, **fields)
        self.addCleanup(stream.call.cancel)
        return stream


class News(WatchCase):
    def test_every_change_is_told_soon_whoever_made_it(self):
        session, token = self.begin()
        delays = []
        with connections(self.server.address, 8) as others:
            streams = [Stream(client, token, session) for client in others]
            for stream in streams:
                stream.wait_version(1)
            for number in range(CHANGES):
                version = others[number % 8].advance(token, session, state={"connector_customer_id": f"cus-{number}"}).session.version
                answered = time.monotonic()
                for stream in streams:
                    stream.wait_version(version)
                    delays.append(next(at for at, told in stream.told if told.version >= version) - answered)
            for stream in streams:
                self.assertEqual(stream.versions(), list(range(1, CHANGES + 2)))
                self.assertEqual(stream.told[-1][1].state.connector_customer_id, f"cus-{CHANGES - 1}")
        delays.sort()
        print(f"told after the writer's answer: median {statistics.median(delays) * 1e3:.1f} ms, "
              f"99 % {delays[len(delays) * 99 // 100] * 1e3:.1f} ms")

    def test_ends_with_ok_after_the_end_was_told(self):
        for event in ("COMPLETED", "FAILED"):
            session, token = self.begin()
            stream = self.watch(token, session)
            self.client.advance(token, session, event)
            self.assertEqual(stream.wait_end(), "OK")
            self.assertEqual(stream.statuses()[-1], event)
            again = self.watch(token, session)  # of a closed session: told once
            self.assertEqual((again.wait_end(), again.statuses()), ("OK", [event]))
            known = self.watch(token, session, from_version=again.versions()[0])
            self.assertEqual((known.wait_end(), known.statuses()), ("OK", []))

    def test_nothing_is_told_up_to_the_version_given(self):
        session, token = self.begin()
        version = self.client.advance(token, session, "AUTHENTICATION_STARTED").session.version
        before = self.looks()
        stream = self.watch(token, session, from_version=version)
        wait_until(lambda: self.looks() > before, "the stream's first look")
        newer = self.client.advance(token, session, "STEP_CANCELLED").session.version
        stream.wait_version(newer)
        self.assertEqual(stream.versions(), [newer])

    def test_revoked_is_told_and_ends(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        stream.wait_version(1)
        self.client.revoke(token, session)
        self.assertEqual(stream.wait_end(), "OK")
        self.assertEqual(stream.statuses(), ["OPEN", "REVOKED"])
        refused = self.watch(token, session)
        self.assertEqual((refused.wait_end(), refused.reason, refused.told), ("FAILED_PRECONDITION", "SESSION_REVOKED", []))

    def test_a_fenced_token_hears_no_more(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        stream.wait_version(1)
        newer = self.client.update(token, session, connector_feature_data={"value": "{\"secret\":1}"}).session_token
        self.assertEqual((stream.wait_end(), stream.reason), ("FAILED_PRECONDITION", "TOKEN_SUPERSEDED"))
        self.assertEqual(stream.versions(), [1])
        following = self.watch(newer, session)
        following.wait_version(2)
        self.assertEqual(following.told[-1][1].connector_feature_data.value, "{\"secret\":1}")

    def test_refusals_are_those_of_get(self):
        session, token = self.begin()
        for changes, wanted in (({"token": token[:-2] + "AA"}, ("UNAUTHENTICATED", "TOKEN_INVALID")),
                                ({"session": "another"}, ("PERMISSION_DENIED", "TOKEN_MISMATCH"))):
            stream = self.watch(changes.get("token", token), changes.get("session", session))
            self.assertEqual((stream.wait_end(), stream.reason), wanted)

    def test_idle_streams_look_no_more_than_their_timers_say(self):
        """However long it takes: a stream that looked without cause would have looked more often."""
        session, token = self.begin()
        streams = [self.watch(token, session) for _ in range(200)]
        for stream in streams:
            stream.wait_version(1)
        began, before = time.monotonic(), self.looks()
        if has_test_hooks():  # else a timer's first time is half a minute away
            wait_until(lambda: self.looks() >= before + 5 * len(streams), "some rounds of looks")
        looks = self.looks() - before
        self.assertLessEqual(looks, len(streams) * ((time.monotonic() - began) / LOOK_S + 1))


class Time(WatchCase):
    def test_a_session_that_ends_by_time_is_told(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        stream.wait_version(1)
        self.server.clock.pass_(601)
        self.assertEqual(stream.wait_end(), "OK")
        self.assertEqual(stream.statuses(), ["OPEN", "EXPIRED"])
        self.assertGreaterEqual(stream.told[1][1].server_time_ms, stream.told[0][1].expires_ms)

    def test_a_step_that_runs_out_is_told(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        started = self.client.advance(token, session, "AUTHENTICATION_STARTED", step_seconds=60).session
        stream.wait_version(started.version)
        self.server.clock.pass_(61)
        stream.wait_version(started.version + 1)
        after = stream.told[-1][1]
        self.assertEqual((status_name(after), after.version), ("OPEN", started.version + 1))
        self.assertGreaterEqual(after.server_time_ms, started.step.expires_ms)
        self.assertEqual(self.client.get(token, session).version, after.version)


class Silence(WatchCase):
    server_options = {"workers": WORKERS, "config": CONFIG.replace("session:", "session:\n  watch_alive_seconds: 1")}

    def test_a_silent_stream_tells_the_same_state_again(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        wait_until(lambda: len(stream.told) >= 3, "signs of life")
        self.assertEqual(set(stream.versions()), {1})
        self.assertIsNone(stream.end)


class Replacement(WatchCase):
    def resume(self, stream, token, session, disturb):
        """After the disturbance the stream is over; a change made meanwhile is told to whoever comes back with the version seen."""
        seen = stream.versions()[-1]
        disturb()
        self.assertEqual(stream.wait_end(), "UNAVAILABLE")
        with connections(self.server.address, 1) as (other,):
            changed = wait_until(lambda: self.change(other, token, session, seen), "the change")
            again = wait_until(lambda: self.come_back(other, token, session, seen), "a stream that tells")
            again.wait_version(changed)
            self.assertEqual(again.versions()[0], changed)
            again.call.cancel()

    @staticmethod
    def come_back(client, token, session, seen):
        """None: to one that is leaving, or to a machine whose workers are not back yet."""
        stream = Stream(client, token, session, from_version=seen)
        wait_until(lambda: stream.told or stream.end, "news or an end")
        return stream if stream.told else None

    @staticmethod
    def change(client, token, session, seen):
        try:
            return client.advance(token, session, state={"connector_customer_id": f"after-{seen}"}, event_id=f"after-{seen}").session.version
        except grpc.RpcError:
            return None

    def test_resumes_after_kill(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        stream.wait_version(1)
        self.resume(stream, token, session, lambda: [os.kill(pid, signal.SIGKILL) for pid in self.server.workers()])
        wait_until(self.server.all_serve, "readiness")

    def test_resumes_after_reload(self):
        session, token = self.begin()
        stream = self.watch(token, session)
        stream.wait_version(1)
        self.resume(stream, token, session, lambda: self.server.signal(signal.SIGHUP))
        wait_until(lambda: self.server.lines("reloaded"), "the end of the reload")

    def test_a_change_is_told_though_another_worker_dies(self):
        session, token = self.begin()
        with connections(self.server.address, 12) as clients:
            streams = [Stream(client, token, session) for client in clients]
            for stream in streams:
                stream.wait_version(1)
            os.kill(self.server.workers()[0], signal.SIGKILL)
            version = wait_until(lambda: self.change(self.client, token, session, 1), "the change")
            alive = 0
            for stream in streams:
                wait_until(lambda s=stream: s.end is not None or s.versions()[-1] >= version, "news or an end")
                alive += stream.end is None
            self.assertGreater(alive, 0)
        wait_until(self.server.all_serve, "readiness")


if __name__ == "__main__":
    unittest.main()
