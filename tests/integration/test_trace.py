"""W3C Trace Context through the real server: a caller's trace is gone on with, at every door, in the log and to the connector."""
import json
import re
import unittest

from connector_servers import FakeConnector, stripe_intent
from harness import ADYEN, CREATE, ROUTE, STRIPE, Server, create_dict, create_request, unique, wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
ADYEN_CALL = ["x-connector: adyen", f"x-connector-config: {ADYEN}"]
STRIPE_CALL = ["x-connector: stripe", f"x-connector-config: {STRIPE}"]


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = FakeConnector(lambda _fake, _path, body: (200, {}, stripe_intent(body)))
        cls.server = Server(workers=2, config=f"connectors:\n  stripe:\n    production_url: {cls.fake.url}/\n").start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.stop()
        finally:
            cls.server.cleanup()
            cls.fake.close()

    def line(self, request_id):
        """The log line of that call."""
        row, = wait_until(lambda: [r for r in self.server.lines("request") if r.get("request_id") == request_id], "the line")
        return row

    def create(self, *headers, path=CREATE, connector=None, **changes):
        """A call over JSON; its log line."""
        request_id = unique("trace")
        status, _, answer = self.server.post_json(path, create_dict(unique(), **changes),
                                                  headers=[*(connector or ADYEN_CALL), f"x-request-id: {request_id}", *headers])
        self.assertEqual(status, 200, answer)
        return self.line(request_id)

    def assert_goes_on(self, row, parent=SPAN):
        self.assertEqual((row["trace_id"], row["parent_span_id"]), (TRACE, parent))
        self.assertRegex(row["span_id"], "^[0-9a-f]{16}$")
        self.assertNotEqual(row["span_id"], parent)

    def test_every_door_goes_on_with_the_callers_trace(self):
        for path in (CREATE, ROUTE):
            self.assert_goes_on(self.create(f"traceparent: {PARENT}", path=path))
        request_id = unique("trace")
        self.server.call(create_request(unique()), [("x-connector", "adyen"), ("x-connector-config", ADYEN), ("traceparent", PARENT),
                                                   ("x-request-id", request_id)])
        self.assert_goes_on(self.line(request_id))
        self.server.curl("/nowhere", headers=[f"traceparent: {PARENT}", f"x-request-id: {request_id}-404"])
        self.assert_goes_on(self.line(f"{request_id}-404"))

    def test_who_names_no_trace_has_none(self):
        row = self.create()
        self.assertFalse({"trace_id", "span_id", "parent_span_id"} & set(row))

    def test_a_bad_one_begins_a_new_trace_and_refuses_nothing(self):
        for bad in (["traceparent: x"], [f"traceparent: {PARENT.upper()}"], [f"traceparent: {PARENT}-more"], [f"traceparent: {PARENT}"] * 2,
                    [f"traceparent: 00-{'0' * 32}-{SPAN}-01"], ["traceparent: " + "0" * 3000]):
            row = self.create(*bad)
            self.assertRegex(row["trace_id"], "^[0-9a-f]{32}$")
            self.assertNotEqual(row["trace_id"], TRACE)
            self.assertNotIn("parent_span_id", row)

    def test_a_connector_gets_the_trace_and_no_baggage(self):
        before = len(self.fake.requests)
        row = self.create(f"traceparent: {PARENT}", "tracestate: congo=t61,,", "tracestate: rojo=1", "baggage: user=canary",
                          connector=STRIPE_CALL, test_mode=False)
        self.assert_goes_on(row)
        _, headers, _ = self.fake.requests[before]
        self.assertEqual(headers["traceparent"], f"00-{TRACE}-{row['connector_span_id']}-01")
        self.assertNotIn(row["connector_span_id"], (row["span_id"], SPAN))
        self.assertEqual(headers["tracestate"], "congo=t61,rojo=1")
        self.assertNotIn("canary", json.dumps(headers))

    def test_the_sampled_flag_is_handed_on_as_it_came(self):
        before = len(self.fake.requests)
        self.create(f"traceparent: 00-{TRACE}-{SPAN}-00", "tracestate: A=1", connector=STRIPE_CALL, test_mode=False)
        _, headers, _ = self.fake.requests[before]
        self.assertTrue(headers["traceparent"].endswith("-00"))
        self.assertNotIn("tracestate", headers)  # it was no list

    def test_a_call_to_a_connector_begins_a_trace_where_there_is_none(self):
        before = len(self.fake.requests)
        row = self.create(connector=STRIPE_CALL, test_mode=False)
        _, headers, _ = self.fake.requests[before]
        found = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-00", headers["traceparent"])
        self.assertEqual(found.groups(), (row["trace_id"], row["connector_span_id"]))


if __name__ == "__main__":
    unittest.main()
