"""What a caller is told of a write: how durable it is, and that nobody knows whether it was stored. A disk that answers EIO in the middle
is the second case here: the worker ends, and its successor finds out what was on the disk. The same call again settles it."""
import contextlib
import os
import pathlib
import unittest

import grpc

import machines
from harness import BUILD, CREATE, Server, claims, create_request, unique, wait_until
from session_service import EXACT, SERVICE, Sessions, explain, outcome_name, status_name

UNKNOWN = ("UNAVAILABLE", "OUTCOME_UNKNOWN")


class Outcome(unittest.TestCase):
    def start(self, config="restart:\n  delay_max_ms: 200\n", **options):
        server = Server(workers=1, sandbox=False, config=config, **options)
        self.addCleanup(server.cleanup)
        self.flag = pathlib.Path(server.temporary) / "failing"
        options = os.environ.get("ASAN_OPTIONS", "")
        server.env.update(LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(self.flag),
                          ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        self.server = server.start()
        self.client = Sessions(server.address)
        self.addCleanup(self.client.close)

    @contextlib.contextmanager
    def failing(self):
        whole = self.flag.with_suffix(".new")
        whole.write_text(str(self.server.data / "shards"))
        whole.rename(self.flag)
        yield
        self.flag.unlink()
        wait_until(self.server.all_serve, "the worker's successor")

    def settled(self, call):
        """The call while the disk fails, then again."""
        with self.failing():
            with self.assertRaises(grpc.RpcError) as caught:
                call()
            self.assertEqual(explain(caught.exception)[:2], UNKNOWN, caught.exception)
        return wait_until(lambda: self.answered(call), "an answer")

    def answered(self, call):
        """None while the client still meets the worker that is going: it writes nothing more and says so, or nobody answers. That one must
        not keep the call until its successor has come, which comes when all its calls have ended."""
        try:
            return call()
        except grpc.RpcError as error:
            if explain(error)[:2] not in (("UNAVAILABLE", ""), ("UNAVAILABLE", "STORE_UNAVAILABLE")):
                raise
            return None

    def version(self, token, session):
        return self.client.get(token, session).version

    def test_the_same_call_again_comes_to_one_effect(self):
        self.start()
        session = unique()
        token = self.settled(lambda: self.client.create(session))
        self.assertEqual(claims(token)["gen"], 1)
        self.client.advance(token, session, "AUTHENTICATION_STARTED", event_id="a1")
        answer = self.settled(lambda: self.client.advance(token, session, "CHALLENGE_PASSED", event_id="a2"))
        self.assertEqual((outcome_name(answer), status_name(answer.session)), ("APPLIED", "OPEN"))
        token = answer.session_token
        self.assertEqual((claims(token)["gen"], self.version(token, session)), (2, 3))
        answer = self.settled(lambda: self.client.update(token, session, metadata={"value": "changed"}))
        token = answer.session_token
        self.assertEqual((claims(token)["gen"], self.version(token, session)), (3, 4))
        self.server.stop()

    def test_an_event_before_its_session(self):
        self.start()
        session = unique()
        answer = self.settled(lambda: self.client.advance(None, session, "COMPLETED", event_id="w1"))
        self.assertEqual(outcome_name(answer), "KEPT")
        token = self.client.create(session)
        self.assertEqual([event.event_id for event in self.client.get(token, session).events], ["w1"])
        self.server.stop()

    def durability_told(self):
        session = unique()
        answer, call = self.client.method(CREATE).with_call(create_request(session), metadata=EXACT)
        told = [dict(call.initial_metadata()).get("x-session-durability")]
        for name, fields in (("GetSession", {}), ("AdvanceSession", {"event": "SESSION_EVENT_AUTHENTICATION_STARTED"}), ("UpdateSession", {"metadata": {"value": "m"}})):
            path = SERVICE + name
            request = self.client.request(name, answer.session_token, session, **fields)
            _, call = self.client.method(path).with_call(request)
            told.append(dict(call.initial_metadata()).get("x-session-durability"))
        return told

    def test_how_durable_it_is(self):
        self.start()
        self.assertEqual(self.durability_told(), ["replica" if machines.wanted() else "disk"] * 4)
        self.server.stop()

    def test_process_alone(self):
        self.start(config="store:\n  durability: process\n")
        self.assertEqual(self.durability_told(), ["process"] * 4)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
