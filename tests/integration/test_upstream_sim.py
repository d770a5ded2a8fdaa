"""The simulator of upstream's server (upstream_sim.py) has its manners, and what rank upstream makes of each of them."""
import signal
import unittest

from grpc_channel import channel_to
from harness import PATIENCE, wait_until
from upstream_calls import ANSWERED, NOT_SENT, UNKNOWN, Caller
from upstream_process import Process
from upstream_sim import CHARGED, FAILURE, METHODS, NO_STATUS_DETAILS
from upstream_wire import Message, integer, text

AUTHORIZE, CAPTURE = "/types.PaymentService/Authorize", "/types.PaymentService/Capture"
COMPOSITE = "/types.CompositePaymentService/Authorize"
AMOUNT = text(2, integer(1, 10000) + integer(2, 146))


class SimulatorCase(unittest.TestCase):
    def setUp(self):
        self.sim = Process()
        self.addCleanup(self.sim.end)
        self.caller = Caller("127.0.0.1", self.sim.address.rpartition(":")[2])

    def tearDown(self):
        self.caller.end()

    def authorize(self, *fields, path=AUTHORIZE, **how):
        return self.caller.call(path, b"".join((text(1, "pay_1"), AMOUNT, *fields)), **how)


class Manners(SimulatorCase):
    def test_each_method_is_a_connector_call_and_none_is_idempotent(self):
        for path, method in METHODS.items():
            if method["answer"][5] is None:  # the calls that authenticate: what they want before they are answered, gateway_journeys.py has
                continue
            for _ in range(2):
                answer = self.caller.call(path, text(method["id"], "pay_1"))
                self.assertEqual((answer["outcome"], answer["status"]), (ANSWERED, 0))
                message = Message(answer["message"]).message(3) if "Composite" in path else Message(answer["message"])
                self.assertIn("4111111111111111", message.message(method["answer"][5]).text(1))
            self.assertEqual(len(self.sim.calls(method=path, id="pay_1", state="made")), 2)

    def test_a_request_may_be_larger_than_the_window(self):
        self.assertEqual(self.authorize(text(1000, b"x" * 3000000))["outcome"], ANSWERED)

    def test_messages_merge(self):
        self.authorize(text(2, integer(1, 5)))
        self.assertEqual([(call["minor_amount"], call["currency"]) for call in self.sim.calls()], [(5, 146)])

    def test_the_last_token_counts(self):
        self.authorize(text(17, "first"), text(17, "last"), x_connector=b"nuvei")
        self.authorize(text(17, "first"), text(17, ""), x_connector=b"adyen")
        self.assertEqual([call["token"] for call in self.sim.calls()], ["last", ""])

    def test_a_token_of_ours_is_refused_by_the_connector(self):
        answer = Message(self.authorize(text(17, "sess_v4.public.x"), x_connector=b"nuvei")["message"])
        self.assertEqual((answer.integer(3), answer.integer(5)), (FAILURE, 400))

    def test_without_a_token_nothing_is_asked(self):
        answer = self.authorize(x_connector=b"nuvei")
        self.assertEqual((answer["outcome"], answer["status"], answer["text"]), (ANSWERED, 3, b"Missing required field: session_token"))
        self.assertEqual(answer["details"], NO_STATUS_DETAILS)
        self.assertEqual(self.sim.calls(), [])

    def test_the_composite_takes_its_own_fields(self):
        answer = self.caller.call(COMPOSITE, text(1, "pay_2") + text(7, integer(1, 7)) + text(18, "token"), x_connector=b"nuvei")
        self.assertEqual(Message(answer["message"]).message(3).integer(3), CHARGED)
        self.assertEqual([(call["token"], call["minor_amount"]) for call in self.sim.calls(id="pay_2")], [("token", 7)])

    def test_a_timeout_aborts_and_is_told_as_cancelled(self):
        self.sim.script(path=AUTHORIZE, way="hang")
        answer = self.authorize(timeout_ms=50)
        self.assertEqual((answer["outcome"], answer["status"], answer["text"]), (ANSWERED, 1, b"Timeout expired"))
        self.assertEqual(len(self.sim.calls(state="aborted")), 1)

    def test_a_caller_that_is_gone_aborts(self):
        self.sim.script(path=AUTHORIZE, way="hang")
        with channel_to(self.sim.address) as channel:
            call = channel.unary_unary(AUTHORIZE).future(text(1, "pay_1"))
            wait_until(self.sim.calls, "the connector is asked")
            call.cancel()
            wait_until(lambda: self.sim.calls(state="aborted"), "it is dropped")

    def test_health_is_check_alone(self):
        answer = self.caller.call("/grpc.health.v1.Health/Check", effect=False)
        self.assertEqual((answer["status"], Message(answer["message"]).integer(1)), (0, 1))
        self.assertEqual(self.caller.call("/grpc.health.v1.Health/Watch")["status"], 12)
        wait_until(lambda: self.caller.look() == "up", "our own look")

    def test_term_lets_calls_end_and_never_ends(self):
        self.sim.script(path=AUTHORIZE, way="answer", delay_ms=500)
        call = self.caller.start(AUTHORIZE, text(1, "pay_1"))
        wait_until(self.sim.calls, "the connector is asked")
        self.sim.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.caller.answer(call)["outcome"], ANSWERED)
        other = Caller("127.0.0.1", self.sim.address.rpartition(":")[2])
        wait_until(lambda: other.call("/types.PaymentService/Nothing")["outcome"] == NOT_SENT, "nobody listens")
        other.end()
        self.assertIsNone(self.sim.process.poll())
        self.sim.process.send_signal(signal.SIGINT)
        self.sim.process.wait(PATIENCE)

    def test_it_ends_with_who_started_it(self):
        self.sim.process.stdin.close()
        self.sim.process.wait(PATIENCE)


class Outcomes(SimulatorCase):
    """What each way of failing comes to. A call with an effect is made once, whatever happens."""

    def come_to(self, way, outcome, why="", **script):
        self.sim.script(path=CAPTURE, way=way, times=1, **script)
        answer = self.caller.call(CAPTURE, text(2, way))
        self.assertEqual(answer["outcome"], outcome, answer)
        self.assertIn(why, answer["why"])
        calls = self.sim.calls(id=way)
        self.assertEqual(len(calls), 0 if outcome == NOT_SENT else 1, answer)
        # The connection is as good as before, or another one is there.
        self.assertEqual(self.caller.call(CAPTURE, text(2, "next"))["outcome"], ANSWERED)
        return answer

    def test_ways(self):
        for way, outcome, why in (("refuse", NOT_SENT, "REFUSED_STREAM"),
                                  ("goaway", NOT_SENT, "REFUSED_STREAM"),
                                  ("reset", UNKNOWN, "INTERNAL_ERROR"),
                                  ("close", UNKNOWN, "the connection was lost"),
                                  ("half", UNKNOWN, "the connection was lost"),
                                  ("cut", UNKNOWN, "INTERNAL_ERROR"),
                                  ("leaving", ANSWERED, ""),
                                  ("rubbish", UNKNOWN, "the connection was lost"),
                                  ("html", UNKNOWN, "HTTP status 503 without a grpc-status"),
                                  ("two", UNKNOWN, "more than one message"),
                                  ("compressed", UNKNOWN, "compressed"),
                                  ("no_status", UNKNOWN, "without a grpc-status"),
                                  ("huge", UNKNOWN, "larger than upstream.answer_bytes_max")):
            with self.subTest(way):
                self.come_to(way, outcome, why)
        answer = self.come_to("error", ANSWERED)
        self.assertEqual((answer["status"], answer["text"].decode(), answer["details"]), (3, "Connector said n\u00f6", NO_STATUS_DETAILS))

    def test_a_deadline_leaves_the_connector_alone(self):
        """Nobody waits for it any more, and it is charged all the same: it was not aborted."""
        self.caller.call(CAPTURE, text(2, "first"))
        self.sim.script(path=AUTHORIZE, way="answer", delay_ms=4000)
        answer = self.authorize(deadline_ms=2000)
        self.assertEqual((answer["outcome"], answer["why"]), (UNKNOWN, "no answer came in time"))
        self.assertEqual(len(self.sim.calls(method=AUTHORIZE, state="made")), 1)
        self.caller.call(CAPTURE, text(2, "second"))
        self.assertEqual(len(self.sim.calls(state="aborted")), 0)


if __name__ == "__main__":
    unittest.main()
