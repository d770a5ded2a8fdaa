"""The machine's clock is set, by little and by much, in both directions, with and without a restart: no session is lost for it, no
token refused, nothing collected. Time that passes ends what it should.

The clocks are moved through the test hook (harness.Clock); one test moves the real one by libfaketime, where that is installed."""
import unittest

from harness import ADYEN, Server, claims, create_request, initial_metadata, unique, wait_for
from session_service import Sessions

STEPS = [0.3, 2, 20 * 60, 3600, 86400, -0.3, -2, -20 * 60, -3600, -86400]
METADATA = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]


class ClockCase(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2).start()
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


if __name__ == "__main__":
    unittest.main()
