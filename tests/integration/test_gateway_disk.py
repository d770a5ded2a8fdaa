"""A disk that fails while a payment passes through: before the payment server is asked nothing is sent, behind it nothing is told that may not
be kept, and the same call again is never made twice."""
import concurrent.futures
import os
import pathlib
import unittest

import grpc

from harness import BUILD, PATIENCE, wait_until
from payment_server import AUTHORIZE, CHARGED, GET, authorize, field, number, text
from session_service import explain
from test_gateway_sim import UNKNOWN, SimulatedCase

BEHIND_THE_DEADLINE = 80  # seconds; upstream.deadline_ms, and what an end may take


class Disk(SimulatedCase):
    config = "restart:\n  delay_max_ms: 200\n"

    @classmethod
    def prepare(cls):
        cls.flag = pathlib.Path(cls.server.temporary) / "failing"
        options = os.environ.get("ASAN_OPTIONS", "")
        cls.server.env.update(LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(cls.flag),
                              ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))

    def fail(self):
        self.failed = self.server.workers()
        whole = self.flag.with_suffix(".new")
        whole.write_text(str(self.server.data / "shards"))
        whole.rename(self.flag)

    def mend(self):
        """The worker that nobody believes any more has a successor, for whom what ran then is over."""
        self.flag.unlink()
        wait_until(lambda: self.server.have_replaced(self.failed), "the worker's successor")
        self.server.clock.pass_(BEHIND_THE_DEADLINE)

    def again(self, session, token):
        """The answer of the same call, or None: nobody knows. While the client still meets nobody it is repeated."""
        def ask():
            try:
                return [self.pay(session, token, session)]
            except grpc.RpcError as error:
                if explain(error)[:2] == UNKNOWN:
                    return [None]
                self.assertIn(explain(error)[:2], (("UNAVAILABLE", ""), ("UNAVAILABLE", "STORE_UNAVAILABLE")))
                return None
        return wait_until(ask, "an answer")[0]

    def test_before_the_payment_server_is_asked(self):
        session, token = self.begin()
        self.fail()
        code, why, _ = self.refused(AUTHORIZE, authorize(session), token, session)
        self.assertIn((code, why), (("UNAVAILABLE", "OUTCOME_UNKNOWN"), ("UNAVAILABLE", "STORE_UNAVAILABLE")))
        self.assertEqual(self.asked(session), 0)
        self.mend()
        answer = self.again(session, token)
        if answer is None:  # it was written, and the disk said that it was not
            self.assertEqual((self.stands(session, token), self.asked(session)), (("PROCESSING", [("Authorize", session, "UNKNOWN")]), 0))
            self.client.advance(None, session, "ATTEMPT_FAILED", event_id="looked")
            answer = self.pay(session, token, f"{session}-2")
        self.assertEqual((field(answer, 3), self.status(session, token)), (CHARGED, "COMPLETED"))
        self.assertEqual(len([call for call in self.sim.calls(method=AUTHORIZE) if call["id"].startswith(session)]), 1)

    def test_behind_it(self):
        session, token = self.begin()
        self.come_to("hold")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            paying = pool.submit(self.pay, session, token, session)
            wait_until(lambda: self.asked(session), "the connector is asked")
            self.fail()
            self.sim.release()
            error = paying.exception(PATIENCE)
        self.assertEqual(explain(error)[:2], UNKNOWN)
        self.mend()
        answer = self.again(session, token)
        if answer is None:
            self.assertEqual(self.stands(session, token), ("PROCESSING", [("Authorize", session, "UNKNOWN")]))
            self.send(GET, text(1, session) + number(13, 1), token, session)
        self.assertEqual((self.status(session, token), self.asked(session)), ("COMPLETED", 1))


if __name__ == "__main__":
    unittest.main()
