"""/status.json and the page that is made of it, as HTTP shows them; how the page looks and moves is journey/status."""
import http.client
import json
import re

from exposition import parse
from harness import PATIENCE, Server, ServerCase, create_request, has_test_hooks, unique, wait_until
from session_service import EXACT
from variants import sim_metadata


class Status(ServerCase):
    def get(self, path, host=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.admin_port, timeout=PATIENCE)
        connection.request("GET", path, headers={"host": host} if host else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, body

    def status(self):
        code, headers, body = self.get("/status.json")
        self.assertEqual((code, headers["content-type"], headers["cache-control"]), (200, "application/json", "no-store"))
        return json.loads(body, object_pairs_hook=self.told_once)

    def told_once(self, pairs):
        self.assertEqual(len(dict(pairs)), len(pairs), "a name that stands twice hides what it told first")
        return dict(pairs)

    def test_it_says_what_the_metrics_say(self):
        for _ in range(3):
            self.server.call(create_request(unique()), EXACT)
        self.server.fail(create_request(unique(), amount=None), EXACT)
        status, families = self.status(), parse(self.server.metrics())
        still = ("sessions_created_total", "requests_late_total", "store_puts_total", "log_lines_lost_total", "connections_accepted_total")
        for name in still:
            self.assertEqual(status["counters"][name], families["sessiond_" + name].value(), name)
        self.assertEqual(set("sessiond_" + name for name in status["counters"]) - set(families), set())
        for name, values in status["families"].items():
            family = families["sessiond_" + name]
            self.assertEqual({next(iter(labels.values())): value for _, labels, value in family.samples}, values, name)
        answered = sum(value for _, _, value in families["sessiond_requests_total"].samples)
        self.assertEqual(status["calls"]["answered"], answered)
        self.assertEqual(sum(worker["calls"]["answered"] for worker in status["workers"]), answered)
        self.assertEqual((status["calls"]["refused"] >= 1, status["calls"]["failed"]), (True, 0))
        self.assertEqual((status["state"], status["ready"], status["reasons"], status["durability"]), ("ready", True, [], "disk"))

    def test_histograms_hold_what_was_counted(self):
        self.server.call(create_request(unique()), EXACT)
        status = self.status()
        for method in status["methods"]:
            buckets = dict(zip(method["latency"][::2], method["latency"][1::2]))
            self.assertEqual(sum(buckets.values()), method["calls"]["answered"], method["name"])
            self.assertEqual(list(buckets), sorted(buckets))
        unary = sum(method["calls"]["answered"] for method in status["methods"] if not method["streams"])
        self.assertEqual(sum(status["latency"][1::2]), unary)
        self.assertEqual(sum(status["commit"][1::2]), status["counters"]["store_commits_total"])

    def test_collection_alone_is_no_sync(self):
        """It often writes nothing, and would tell of a disk of a microsecond."""
        if not has_test_hooks():
            self.skipTest("this build's clocks cannot be moved (SES_TEST_HOOKS)")
        server = Server(workers=1, sandbox=False).start()
        self.addCleanup(server.cleanup)
        for _ in range(5):
            server.call(create_request(unique()), EXACT)
        server.clock.pass_(30 * 86400)
        wait_until(lambda: server.metric("sessiond_store_collected_total") == 5, "collection")
        self.assertEqual(server.metric("sessiond_store_sync_seconds_count"), server.metric("sessiond_store_commits_total"))
        server.stop()

    def test_connectors_and_processes(self):
        self.server.call(create_request(unique()), sim_metadata("nuvei"))
        status = self.status()
        nuvei, = (row for row in status["connectors"] if row["name"] == "nuvei")
        self.assertGreaterEqual(nuvei["outcomes"]["success"], 1)
        breaker, = (row for row in status["breakers"] if row["connector"] == "nuvei")
        self.assertEqual(breaker["open"], 0)
        self.assertEqual([row["role"] for row in status["processes"]], ["worker", "worker", "housekeeper", "supervisor"])
        self.assertEqual([row["pid"] for row in status["processes"][:2]], self.server.workers())
        self.assertEqual(status["processes"][3]["pid"], self.server.process.pid)

    def test_the_page_brings_all_it_needs_and_may_fetch_nothing_else(self):
        code, headers, page = self.get("/")
        self.assertEqual((code, headers["content-type"]), (200, "text/html; charset=utf-8"))
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        self.assertEqual(policy, {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
                                  "img-src": "data:", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"})
        self.assertEqual((headers["x-content-type-options"], headers["referrer-policy"]), ("nosniff", "no-referrer"))
        named = re.findall(r'(?:src|href)="([^"]+)"', page)
        self.assertEqual([name for name in named if not name.startswith(("/", "data:"))], [])
        self.assertNotRegex(page, r"<script>|<style|\son\w+=|\sstyle=")
        for name, kind in (("/status.css", "text/css"), ("/status.js", "text/javascript")):
            code, headers, text = self.get(name)
            self.assertEqual((code, headers["content-type"]), (200, kind + "; charset=utf-8"))
            self.assertNotRegex(text.replace("http://www.w3.org/2000/svg", ""), r"https?://|@import|url\(|innerHTML|\beval\b")

    def test_other_paths_and_other_hosts_get_nothing(self):
        self.assertEqual(self.get("/status.html")[0], 404)
        self.assertEqual(self.get("/favicon.ico")[0], 404)
        for path in ("/", "/status.json", "/status.js"):
            self.assertEqual(self.get(path, host="evil.example")[0], 421, path)


if __name__ == "__main__":
    import unittest
    unittest.main()
