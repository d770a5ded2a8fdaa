"""Pages of other origins, by what browsers send: preflights and calls over both HTTP versions, with callers and without workers."""
import json
import os
import signal
import struct
import unittest

from callers import asking_server
from harness import CREATE, ROUTE, Server, ServerCase, create_dict, unique, wait_until

SHOP, OTHER = "https://shop.example", "https://evil.example"
HTTP = ("--http1.1", "--http2-prior-knowledge")
ASKS = ["access-control-request-method: POST", "access-control-request-headers: connect-protocol-version,content-type"]
PATHS = (CREATE, ROUTE, "/sessiond.v1.SessionService/WatchSession", "/health")


class Case(ServerCase):
    def preflight(self, version, origin, path=CREATE, headers=()):
        return self.server.curl(path, version, "-X", "OPTIONS", headers=[f"origin: {origin}", *ASKS, *headers])

    def call(self, version, origin, path=CREATE):
        return self.server.curl(path, version, data=json.dumps(create_dict(unique())).encode(),
                                headers=[f"origin: {origin}", "content-type: application/json", "x-connector: stripe"])

    def assert_foreign(self, origin, vary=True):
        for version in HTTP:
            status, rows, body = self.preflight(version, origin)
            self.assertEqual(status, 403)
            self.assertIn("cors.origins", json.loads(body)["error"]["message"])
            for rows in (rows, self.call(version, origin)[1]):
                self.assertEqual([name for name in rows if name.startswith("access-control")], [])
                self.assertEqual("origin" in rows.get("vary", ""), vary)

    def assert_ours(self, origin, told=None):
        for version in HTTP:
            for path in PATHS:
                status, rows, body = self.preflight(version, origin, path)
                self.assertEqual((status, body), (204, b""), path)
                self.assertEqual((rows["access-control-allow-origin"], rows["access-control-max-age"]), (told or origin, "7200"))
                self.assertNotIn("access-control-allow-credentials", rows)
            for path in (CREATE, ROUTE):
                _, rows, _ = self.call(version, origin, path)
                self.assertEqual((rows["access-control-allow-origin"], rows["access-control-expose-headers"]), (told or origin, "*"))
            for media, body in (("application/grpc-web+json", create_dict(unique())), ("application/connect+json", {})):
                data = json.dumps(body).encode()
                _, rows, _ = self.server.curl(CREATE if "web" in media else "/sessiond.v1.SessionService/WatchSession", version,
                                              data=struct.pack(">BI", 0, len(data)) + data,
                                              headers=[f"origin: {origin}", f"content-type: {media}", "x-connector: stripe"])
                self.assertEqual(rows["content-type"], media)
                self.assertEqual((rows["access-control-allow-origin"], rows["access-control-expose-headers"]), (told or origin, "*"))


class Listed(Case):
    server_options = {"workers": 1, "sandbox": False, "config": f"cors:\n  origins: [\"{SHOP}\", \"http://localhost:3000\"]\nhosts: [pay.example]\n"}

    def test_listed_and_foreign(self):
        self.assert_ours(SHOP)
        self.assert_ours("http://localhost:3000")
        for origin in (OTHER, "http://localhost:3001", SHOP + ":8443", "null"):
            self.assert_foreign(origin)

    def test_the_host_is_looked_at_first(self):
        for version in HTTP:
            status, rows, _ = self.preflight(version, SHOP, headers=["host: evil.example"])
            self.assertEqual(status, 421)
            self.assertEqual(self.preflight(version, SHOP, headers=["host: pay.example"])[0], 204)

    def test_not_at_the_return_url(self):
        for version in HTTP:
            status, rows, _ = self.server.curl("/r/v4.local.x", version, headers=[f"origin: {SHOP}"])
            self.assertEqual(status, 404)
            self.assertNotIn("access-control-allow-origin", rows)
            self.assertEqual(self.preflight(version, SHOP, "/r/v4.local.x")[0], 405)

    def test_errors_can_be_read(self):
        for version in HTTP:
            for path, status in (("/no.Such/Thing", 404), (CREATE, 415)):
                got, rows, _ = self.server.curl(path, version, data=b"{}", headers=[f"origin: {SHOP}", "content-type: text/plain"])
                self.assertEqual((got, rows["access-control-allow-origin"]), (status, SHOP))

    def test_preflights_are_nobodys_calls(self):
        before = self.server.metric('sessiond_requests_total')
        named = [line for line in self.server.metrics().splitlines() if "CreateSessionToken" in line and "requests_total" in line]
        self.preflight(HTTP[0], SHOP)
        after = [line for line in self.server.metrics().splitlines() if "CreateSessionToken" in line and "requests_total" in line]
        self.assertEqual(named, after)
        self.assertGreaterEqual(self.server.metric('sessiond_requests_total'), before)


class Nobody(Case):
    server_options = {"workers": 1, "sandbox": False}

    def test_by_default_nobody(self):
        self.assert_foreign(SHOP, vary=False)
        self.assert_foreign("http://localhost:3000", vary=False)
        status, rows, _ = self.server.curl(CREATE, "-X", "OPTIONS")
        self.assertEqual((status, rows["allow"]), (405, "post"))


class Everybody(Case):
    server_options = {"workers": 1, "sandbox": False, "config": "cors:\n  origins: [\"*\"]\n"}

    def test_every_page(self):
        self.assert_ours(OTHER, told="*")
        self.assert_ours("null", told="*")


class Sandbox(Case):
    server_options = {"workers": 1, "config": f"cors:\n  origins: [\"{SHOP}\"]\n"}

    def test_pages_of_this_machine_too(self):
        self.assert_ours("http://localhost:5173")
        self.assert_ours("http://127.0.0.1:3000")
        self.assert_ours(SHOP)
        self.assert_foreign(OTHER)
        self.assert_foreign("http://localhost.evil.example")


class NobodyServes(Case):
    """The housekeeper answers in the place of workers that do not, and a page may read that too: it is a reason to try again."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(workers=1, sandbox=False, config=f"cors:\n  origins: [\"{SHOP}\"]\n").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.cleanup()

    def test_a_page_reads_that_nobody_serves(self):
        for pid in (self.server.process.pid, *self.server.workers()):  # the supervisor too: it would replace the worker
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: self.call(HTTP[0], SHOP)[0] == 503, "the housekeeper to answer")
        for version in HTTP:
            self.assertEqual(self.preflight(version, SHOP)[0], 204)
            status, rows, body = self.call(version, SHOP)
            self.assertEqual((status, json.loads(body)["code"], rows["access-control-allow-origin"]), (503, "unavailable", SHOP))
            self.assertEqual(self.preflight(version, OTHER)[0], 403)


class WithCallers(Case):
    """A preflight carries no key: it is answered before anybody is asked who calls."""

    @classmethod
    def setUpClass(cls):
        cls.server, _ = asking_server({"shop": {}}, config=f"cors:\n  origins: [\"{SHOP}\"]\n", workers=1, sandbox=False)
        cls.server.start()

    def test_preflight_without_a_key(self):
        for version in HTTP:
            self.assertEqual(self.preflight(version, SHOP)[0], 204)
            status, rows, body = self.call(version, SHOP)
            self.assertEqual((status, json.loads(body)["code"], rows["access-control-allow-origin"]), (401, "unauthenticated", SHOP))


if __name__ == "__main__":
    unittest.main()
