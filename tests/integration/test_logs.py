"""Logs and counters: one structured line a request, no secret anywhere, metrics over all workers (issue item 9)."""
import json
import os
import pathlib
import re
import unittest
import urllib.request

from harness import ADYEN, BUILD, CREATE, ROUTE, Server, ServerCase, create_dict, create_request, unique, wait_until

FIELDS = {"ts", "level", "role", "event", "request_id", "tenant", "merchant", "connector", "flow", "grpc_status"}


class Canaries(unittest.TestCase):
    """A recognisable text in every input; afterwards none is in a log line or, in clear, in the data directory."""

    def test_no_canary_in_logs_or_data(self):
        server = Server(workers=2, args=["--log-level", "debug"]).start()
        self.addCleanup(server.cleanup)
        secret = ["CANARYapikey", "CANARYmeta", "CANARYfeature", "CANARYatoken", "CANARYsession", "CANARYagent", "CANARYcustomer",
                  "CANARYstripe", "CANARYheader", "5555555555554444"]
        config = json.dumps({"config": {"Adyen": {"api_key": "CANARYapikey", "merchant_account": "m"}}})
        value = create_dict("CANARYsession" + unique(), metadata="CANARYmeta", connector_feature_data='{"a":"CANARYfeature"}',
                            state={"access_token": {"token": "CANARYatoken"}, "connector_customer_id": "CANARYcustomer"},
                            browser_info={"user_agent": "CANARYagent", "referer": "https://CANARYagent/"})
        headers = ["x-connector: adyen", f"x-connector-config: {config}", "x-other: CANARYheader", "authorization: Bearer CANARYheader"]
        tokens = []
        for path in (CREATE, ROUTE):
            for extra in ({}, {"amount": {"minor_amount": -1}}, {"metadata": "5555555555554444"}, {"amount": "CANARYmeta"}):
                _, _, answer = server.post_json(path, dict(value, **extra), headers=headers)
                if "session_token" in answer:
                    tokens.append(answer["session_token"])
        for mode in ("", "sim-http-401-", "sim-rubbish-", "sim-declined-"):
            stripe = json.dumps({"config": {"Stripe": {"api_key": "sk_test_CANARYstripe"}}})
            server.post_json(CREATE, create_dict(mode + "CANARYsession" + unique()),
                             headers=["x-connector: stripe", f"x-connector-config: {stripe}"])
        # Broken input: the refusal must not quote it either.
        server.post_json(CREATE, b'{"metadata":CANARYmeta', headers=headers)
        server.post_json(CREATE, create_dict(), headers=["x-connector: CANARYheader"])
        server.post_json(CREATE, create_dict(), headers=["x-connector: adyen", 'x-connector-config: {"config":{"Adyen":{"api_key":"CANARYapikey"}}}'])
        server.post_json(CREATE, create_dict(), headers=["x-connector: adyen", "x-connector-config: CANARYapikey"])
        server.curl("/CANARYheader?x=CANARYmeta")
        self.assertTrue(tokens)
        server.stop()
        log = server.log()
        for text in secret + tokens + [t.split(".")[2][:40] for t in tokens]:
            self.assertNotIn(text, log)
        for path in server.data.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                for text in secret + tokens:
                    self.assertNotIn(text.encode(), data, path)


class InAFile(unittest.TestCase):
    """Left to the kernel a log in a file goes to the disk once in half a minute, all at once, before the commits that wait for it."""

    def test_it_is_written_back_all_the_time(self):
        server = Server(workers=1, sandbox=False)
        self.addCleanup(server.cleanup)
        record = pathlib.Path(server.temporary) / "record"
        options = os.environ.get("ASAN_OPTIONS", "")
        server.env.update(LD_PRELOAD=str(BUILD / "recorded_disk.so"), SES_RECORDED_DISK=str(record),
                          ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        server.start()
        line = f"write_back {server.log_path.resolve()}"
        wait_until(lambda: record.read_text().splitlines().count(line) >= 2, "the log to be written back again and again")


class Lines(ServerCase):
    def test_one_json_line_a_request(self):
        self.server.call(create_request(unique()), [("x-connector", "adyen"), ("x-connector-config", ADYEN), ("x-request-id", "line-1"),
                                                   ("x-merchant-id", "m-1"), ("x-tenant-id", "t-1")])
        rows = wait_until(lambda: [r for r in self.server.lines("request") if r.get("request_id") == "line-1"], "the line")
        self.assertEqual(len(rows), 1)
        row = rows[0]
        self.assertLessEqual(FIELDS, set(row))
        self.assertEqual((row["tenant"], row["merchant"], row["connector"], row["flow"], row["grpc_status"]),
                         ("t-1", "m-1", "adyen", "CreateSessionToken", "OK"))
        self.assertTrue(any(key.startswith("latency") for key in row))

    def test_failure_and_connector_status_are_in_the_line(self):
        stripe = [("x-connector", "stripe"), ("x-connector-config", '{"config":{"Stripe":{"api_key":"sk_test_x"}}}')]
        self.server.fail(create_request(""), stripe + [("x-request-id", "line-2")])
        self.server.call(create_request(unique("sim-http-500-")), stripe + [("x-request-id", "line-3")])
        rows = {r["request_id"]: r for r in wait_until(lambda: [r for r in self.server.lines("request")
                                                             if r.get("request_id") == "line-3"] and self.server.lines("request"), "the line")}
        self.assertEqual(rows["line-2"]["grpc_status"], "INVALID_ARGUMENT")
        self.assertEqual((rows["line-3"]["grpc_status"], rows["line-3"]["connector_status"]), ("OK", 500))

    def test_every_line_is_json(self):
        for line in self.server.log().splitlines():
            json.loads(line)


class Metrics(ServerCase):
    server_options = {"workers": 2}

    def test_prometheus_text_counts_over_all_workers(self):
        before = self.server.metric("sessiond_sessions_created_total")
        for _ in range(30):
            self.server.channel = None  # a new connection: another worker now and then
            self.server.call(create_request(unique()), [("x-connector", "adyen"), ("x-connector-config", ADYEN)])
        self.assertEqual(self.server.metric("sessiond_sessions_created_total") - before, 30)
        text = self.server.metrics()
        names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
        for line in text.splitlines():
            self.assertRegex(line, r"^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [-+0-9.eE]+|.*\+Inf.*)$")
        histograms = {n for n in names if f"{n}_bucket" in text}
        self.assertTrue(histograms)
        for name in histograms:  # buckets cumulative, ending in +Inf = count
            for labels in set(re.findall(rf"^{name}_count(\{{[^}}]*\}})? ", text, re.M)):
                inner = labels.strip("{}")
                rows = [float(v) for v in re.findall(rf"^{name}_bucket\{{{re.escape(inner)}{',' if inner else ''}le=\"[^\"]+\"\}} (\S+)$", text, re.M)]
                self.assertEqual(rows, sorted(rows))
                count = float(re.search(rf"^{name}_count{re.escape(labels)} (\S+)$", text, re.M).group(1))
                self.assertEqual(rows[-1], count)

    def test_admin_pages(self):
        for path in ("/healthz", "/readyz", "/"):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.server.admin_port}{path}", timeout=120) as answer:
                self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
