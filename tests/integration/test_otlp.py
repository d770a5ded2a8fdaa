"""Spans of sampled calls reach a collector of the test's own over OTLP/HTTP; a collector that is down or hangs is no call's business."""
import json
import unittest

from collector import Collector
from connector_servers import FakeConnector, stripe_intent
from harness import CREATE, PATIENCE, STRIPE, Server, create_dict, create_request, unique, wait_until
from session_service import EXACT, SERVICE, Sessions

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
SERVER, CLIENT, INTERNAL = 2, 3, 1


class Spans(unittest.TestCase):
    def start(self, collector, percent=0, workers=1, more="", **options):
        endpoint = collector if isinstance(collector, str) else collector.url
        server = Server(workers=workers, config=f"trace:\n  endpoint: {endpoint}\n  service_name: shop-sessions\n  sample_percent: {percent}\n"
                        f"{more}", **options).start()
        self.addCleanup(server.cleanup)
        return server

    def collector(self, **options):
        collector = Collector(**options)
        self.addCleanup(collector.close)
        return collector

    def create(self, server, traceparent=None, name=None):
        metadata = [*EXACT, *([("traceparent", traceparent)] if traceparent else [])]
        return server.call(create_request(name or unique()), metadata)[0]

    def test_a_call_is_a_tree_of_spans(self):
        fake, collector = FakeConnector(lambda _f, _p, body: (200, {}, stripe_intent(body))), self.collector()
        self.addCleanup(fake.close)
        server = self.start(collector, more=f"connectors:\n  stripe:\n    production_url: {fake.url}/\n")
        status, _, answer = server.post_json(CREATE, create_dict(unique("CANARY"), test_mode=False, metadata="CANARYmeta"),
                                             headers=["x-connector: stripe", f"x-connector-config: {STRIPE}", f"traceparent: {SAMPLED}"])
        self.assertEqual(status, 200)
        wait_until(lambda: any(s["kind"] == SERVER for s in collector.spans), "the call's own span")
        kinds = {span["name"]: span for span in collector.spans}
        own = kinds[CREATE[1:]]
        self.assertEqual((own["traceId"], own["parentSpanId"], own["kind"]), (TRACE, SPAN, SERVER))
        self.assertEqual((own["rpc.system"], own["rpc.service"], own["rpc.method"], own["rpc.grpc.status_code"]),
                         ("connect_rpc", "types.MerchantAuthenticationService", "CreateSessionToken", "0"))
        line, = [r for r in server.lines("request") if r.get("trace_id") == TRACE]
        self.assertEqual((own["spanId"], own["sessiond.session"], own["sessiond.connector"]), (line["span_id"], line["session"], "stripe"))
        self.assertEqual(set(kinds), {CREATE[1:], "store lease", "store commit", "POST"})
        for name in ("store lease", "store commit", "POST"):
            child = kinds[name]
            self.assertEqual((child["traceId"], child["parentSpanId"]), (TRACE, own["spanId"]), name)
            self.assertLessEqual(int(own["startTimeUnixNano"]), int(child["startTimeUnixNano"]))
            self.assertLessEqual(int(child["startTimeUnixNano"]), int(child["endTimeUnixNano"]))
            self.assertLessEqual(int(child["endTimeUnixNano"]), int(own["endTimeUnixNano"]))
        called = kinds["POST"]
        self.assertEqual((called["kind"], called["spanId"], called["http.request.method"], called["http.response.status_code"]),
                         (CLIENT, line["connector_span_id"], "POST", "200"))
        self.assertEqual(kinds["store commit"]["kind"], INTERNAL)
        self.assertFalse(any("status" in span for span in collector.spans))
        self.assertEqual(collector.resources[0], {"service.name": "shop-sessions", "service.instance.id": "worker-0"})
        self.assertEqual(collector.paths[0], ("/v1/traces", "application/json"))
        self.assertNotIn("CANARY", json.dumps(collector.spans))
        wait_until(lambda: server.metric("sessiond_trace_spans_exported_total") == 4, "the count")
        server.stop()

    def test_the_callers_flag_decides_and_percent_for_those_without(self):
        for percent in (0, 100):
            collector = self.collector()
            server = self.start(collector, percent)
            self.create(server, UNSAMPLED)
            self.create(server)
            self.create(server, SAMPLED)  # which comes last
            wait_until(lambda: any(s["traceId"] == TRACE and s["kind"] == SERVER for s in collector.spans), "the sampled one")
            own = [s for s in collector.spans if s["kind"] == SERVER and s["name"] == CREATE[1:]]
            self.assertEqual([s.get("parentSpanId") for s in own], [SPAN] if percent == 0 else [None, SPAN])
            server.stop()

    def test_a_fault_of_ours_is_an_error_and_a_callers_is_none(self):
        collector = self.collector()
        server = self.start(collector)
        client = Sessions(server.address, metadata=[("traceparent", SAMPLED)])
        self.addCleanup(client.close)
        server.curl("/no/such/path", headers=[f"traceparent: {SAMPLED}"])
        server.post_json(SERVICE + "GetSession", b"{", headers=[f"traceparent: {SAMPLED}"])
        server.post_json(SERVICE + "Nothing", b"{}", headers=[f"traceparent: {SAMPLED}"])
        wait_until(lambda: len(collector.spans) == 3, "three spans")
        self.assertEqual({(s["name"], "status" in s) for s in collector.spans},
                         {("unknown path", False), ("sessiond.v1.SessionService/GetSession", False), ("unknown path", True)})
        server.stop()

    def test_a_collector_that_is_down_costs_spans_and_nothing_else(self):
        server = self.start("http://127.0.0.1:1", 100)
        for _ in range(5):
            self.assertEqual(self.create(server).status_code, 200)
        wait_until(lambda: server.metric("sessiond_trace_spans_dropped_total") >= 5, "the loss")
        wait_until(lambda: server.lines("trace_export_failed"), "the line")
        self.assertEqual(server.metric("sessiond_trace_spans_exported_total"), 0)
        server.stop()

    def test_one_that_refuses_loses_them(self):
        collector = self.collector(status=503)
        server = self.start(collector, 100)
        self.create(server)
        wait_until(lambda: server.metric("sessiond_trace_spans_dropped_total") > 0, "the loss")
        self.assertEqual(wait_until(lambda: server.lines("trace_export_failed"), "the line")[0]["http_status"], 503)
        server.stop()

    def test_one_that_hangs_holds_a_bounded_queue_and_no_call(self):
        collector = self.collector(answers=False)
        server = self.start(collector, 100, more="  queue: 64\n  batch: 8\n  timeout_ms: 60000\n")
        self.create(server)
        wait_until(lambda: collector.paths, "a request that hangs")
        for _ in range(60):  # two spans each, while nothing is taken
            self.assertEqual(self.create(server).status_code, 200)
        self.assertEqual(len(collector.paths), 1, "one request at a time")
        wait_until(lambda: server.metric("sessiond_trace_spans_dropped_total") > 0, "what the queue has no room for")
        self.assertEqual(collector.spans, [])
        collector.gate.set()
        wait_until(lambda: server.metric("sessiond_trace_spans_exported_total") >= 64, "what waited")
        server.stop()

    def test_a_certificate_that_nobody_vouches_for_gets_nothing(self):
        """TLS is verified: a plain collector behind an https URL is none."""
        collector = self.collector()
        server = self.start(collector.url.replace("http://", "https://"), 100)
        self.create(server)
        wait_until(lambda: server.metric("sessiond_trace_spans_dropped_total") > 0, "the loss")
        self.assertEqual(collector.paths, [])
        server.stop()

    def test_bad_configuration_names_the_line(self):
        for endpoint in ("http://collector.example:4318", "127.0.0.1:4318", "https://a.example/", "https://u@a.example", "ftp://a.example"):
            server = Server(workers=1, config=f"trace:\n  endpoint: {endpoint}\n")
            self.addCleanup(server.cleanup)
            server.start(ready=False)
            self.assertEqual(server.process.wait(PATIENCE), 1)
            self.assertRegex(server.log(), r"config.yaml:\d+: trace.endpoint: must ", endpoint)


if __name__ == "__main__":
    unittest.main()
