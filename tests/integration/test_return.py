"""The browser's return: /r/<handle> through the real server, over HTTP/1.1 and HTTP/2."""
import concurrent.futures
import re
import unittest
import urllib.parse

from harness import ServerCase, unique
from session_service import Sessions, status_name

WORKERS = 3
SHOP = "https://shop.example"
CONFIG = f"redirect:\n  public_url: https://pay.example\n  return_urls:\n    - \"* {SHOP}\"\n"
FORM = "content-type: application/x-www-form-urlencoded"


class Return(ServerCase):
    server_options = {"workers": WORKERS, "config": CONFIG}

    def setUp(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def step(self, url=f"{SHOP}/back?order=1&x=a%20b", **fields):
        """(session, token, path of the return URL)"""
        session = unique()
        token = self.client.create(session)
        begun = self.client.begin(token, session, return_url=url, **fields)
        self.assertEqual(begun.return_url, f"https://pay.example/r/{begun.step_handle}")
        self.assertLessEqual(len(begun.step_handle), 160)
        self.assertLessEqual(len(begun.return_url), 200)
        return session, begun.session_token or token, begun.return_url.removeprefix("https://pay.example")

    def post(self, path, form, *args):
        return self.server.curl(path, "-X", "POST", *args, data=urllib.parse.urlencode(form).encode(), headers=[FORM])

    def assert_page(self, answer, status):
        code, headers, body = answer
        self.assertEqual(code, status)
        self.assertEqual(headers["content-type"], "text/html; charset=utf-8")
        self.assertEqual((headers["cache-control"], headers["referrer-policy"], headers["x-content-type-options"]),
                         ("no-store", "no-referrer", "nosniff"))
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertNotIn("set-cookie", headers)
        self.assertIn(b"<h1>", body)

    def test_post_stores_what_came_and_leads_to_the_shop(self):
        session, token, path = self.step()
        answer = self.post(path + "?lang=de", [("cres", "eyJ0"), ("MD", "a b&c"), ("cres", "again")])
        self.assert_page(answer, 303)
        self.assertEqual(answer[1]["location"], f"{SHOP}/back?order=1&x=a%20b")
        found = self.client.get(token, session)
        result = found.redirect_result
        self.assertEqual((status_name(found), result.method, dict(result.payload), result.params.value, result.step_name),
                         ("RETURNED", "POST", {"cres": "eyJ0", "MD": "a b&c"}, "lang=de", "challenge"))

    def test_get_stores_the_query(self):
        session, token, path = self.step()
        self.assert_page(self.server.curl(path + "?PaRes=x%2By&MD=1"), 303)
        result = self.client.get(token, session).redirect_result
        self.assertEqual((result.method, dict(result.payload), result.params.value), ("GET", {"PaRes": "x+y", "MD": "1"}, "PaRes=x%2By&MD=1"))

    def test_over_http2(self):
        session, token, path = self.step()
        answer = self.post(path, {"cres": "x"}, "--http2-prior-knowledge")
        self.assert_page(answer, 303)
        self.assertEqual(answer[1]["location"], f"{SHOP}/back?order=1&x=a%20b")
        self.assertEqual(status_name(self.client.get(token, session)), "RETURNED")

    def test_the_same_again_is_the_same_answer_and_no_second_effect(self):
        session, token, path = self.step()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self.post(path, {"cres": "x"}), range(32)))
        self.assertEqual({(code, headers["location"]) for code, headers, _ in answers}, {(303, f"{SHOP}/back?order=1&x=a%20b")})
        found = self.client.get(token, session)
        self.assertEqual(found.version, 3)  # created, sent away, came back

    def test_two_payloads_at_the_same_time_one_counts(self):
        session, token, path = self.step()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda number: (number % 2, self.post(path, {"cres": f"{number % 2}"})[0]), range(32)))
        won = int(self.client.get(token, session).redirect_result.payload["cres"])
        self.assertEqual({code for which, code in answers if which == won}, {303})
        self.assertEqual({code for which, code in answers if which != won}, {409})

    def test_another_payload_is_refused(self):
        session, token, path = self.step()
        self.assert_page(self.post(path, {"cres": "x"}), 303)
        for other in ({"cres": "y"}, {"cres": "x", "more": "1"}):
            self.assert_page(self.post(path, other), 409)
        self.assert_page(self.server.curl(path + "?cres=x"), 409)
        self.assertEqual(dict(self.client.get(token, session).redirect_result.payload), {"cres": "x"})

    def test_expired(self):
        session, token, path = self.step(step_seconds=60)
        self.server.clock.pass_(61)
        self.assert_page(self.post(path, {"cres": "x"}), 410)
        self.assertEqual(status_name(self.client.get(token, session)), "OPEN")

    def test_replaced_by_a_newer_step(self):
        session, token, path = self.step()
        newer = self.client.begin(token, session, name="second", return_url=f"{SHOP}/second")
        self.assert_page(self.post(path, {"cres": "x"}), 410)
        answer = self.post(newer.return_url.removeprefix("https://pay.example"), {"cres": "x"})
        self.assertEqual((answer[0], answer[1]["location"]), (303, f"{SHOP}/second"))

    def test_unknown_and_altered(self):
        session, token, path = self.step()
        handle = path.removeprefix("/r/")
        at = len(handle) // 2
        for text in ("", "x", handle[:-1], handle + "A", handle + "/", handle[:at] + ("A" if handle[at] != "A" else "B") + handle[at + 1:],
                     "v4.local." + "A" * 1000, "a" * 3000, "%00", token):
            self.assert_page(self.post("/r/" + text, {"cres": "x"}), 404)
        self.assertEqual(status_name(self.client.get(token, session)), "REDIRECTED")

    def test_bounds(self):
        session, token, path = self.step()
        self.assert_page(self.post(path, {f"n{i}": "" for i in range(65)}), 413)
        self.assert_page(self.post(path, {"n" * 257: ""}), 413)
        self.assert_page(self.post(path, {"cres": "c" * 65536}), 413)
        self.assert_page(self.server.curl(path + "?" + "q" * 16385), 413)
        self.assertEqual(status_name(self.client.get(token, session)), "REDIRECTED")
        self.assert_page(self.post(path, {"cres": "c" * 65532}), 303)
        self.assertEqual(len(self.client.get(token, session).redirect_result.payload["cres"]), 65532)

    def test_head_has_no_effect(self):
        session, token, path = self.step()
        code, headers, _ = self.server.curl(path + "?cres=x", "-I")
        self.assertEqual((code, headers["allow"]), (405, "get, post"))
        self.assertEqual(status_name(self.client.get(token, session)), "REDIRECTED")

    def counted(self, name):
        """{(method, code or ""): value} of one metric's series."""
        found = {}
        for line in self.server.metrics().splitlines():
            if line.startswith(name + "{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                found[labels["method"], labels.get("code", "")] = float(line.rsplit(" ", 1)[1])
        return found

    def test_everything_is_counted_and_streams_are_no_latency(self):
        before = self.counted("sessiond_requests_total")
        session, token, path = self.step()
        self.post(path, {"cres": "x"})
        self.post(path, {"cres": "y"})
        self.post("/r/nothing", {"cres": "y"})
        self.server.curl("/no/such/resource")
        self.server.curl("/health")
        self.client.advance(token, session, "COMPLETED")
        self.assertEqual(len(list(self.client.watch(token, session))), 1)
        after = self.counted("sessiond_requests_total")
        for row in (("Return", "OK"), ("Return", "ALREADY_EXISTS"), ("Return", "NOT_FOUND"), ("unknown", "NOT_FOUND"), ("Health", "OK"), ("WatchSession", "OK")):
            self.assertEqual(after.get(row, 0) - before.get(row, 0), 1, row)
        self.assertIn(("Return", ""), self.counted("sessiond_request_seconds_count"))
        self.assertNotIn(("WatchSession", ""), self.counted("sessiond_request_seconds_count"))
        self.assertIn(("WatchSession", ""), self.counted("sessiond_stream_seconds_count"))

    def test_neither_handle_nor_token_in_the_log(self):
        session, token, path = self.step()
        self.post(path, {"cres": "very-secret-cres"})
        self.server.curl(path + "?cres=very-secret-cres")
        log = self.server.log()
        self.assertIn('"flow":"Return"', log)
        for secret in (path[3:40], token[:40], "very-secret-cres", session):
            self.assertNotIn(secret, log)


if __name__ == "__main__":
    unittest.main()
