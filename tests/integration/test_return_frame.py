"""The return of a challenge that was shown in a frame (RETURN_MODE_FRAME). What a browser makes of the page: journey/frames."""
import html
import json
import re
import unittest
import urllib.parse

from harness import ServerCase, unique
from session_service import Sessions, refusal, status_name

SHOP = "https://shop.example:8443"
BACK = f"{SHOP}/back?order=1&x='a'"
CONFIG = (f"redirect:\n  public_url: https://pay.example\n  return_urls:\n    - \"* {SHOP}\"\n"
          "    - \"* https://[2001:db8::1]\"\n    - \"* https://shop_1.example\"\n")
FORM = "content-type: application/x-www-form-urlencoded"
FRAME, REDIRECT = "RETURN_MODE_FRAME", "RETURN_MODE_REDIRECT"


class Frame(ServerCase):
    server_options = {"workers": 2, "config": CONFIG}

    def setUp(self):
        self.connect()

    def connect(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def begin(self, token, session, **fields):
        return self.client.begin(token, session, **{"return_url": BACK, "return_mode": FRAME, **fields})

    def step(self, **fields):
        """(session, token, path of the return URL)"""
        session = unique()
        token = self.client.create(session)
        begun = self.begin(token, session, **fields)
        return session, begun.session_token or token, begun.return_url.removeprefix("https://pay.example")

    def post(self, path, form, *args):
        return self.server.curl(path, "-X", "POST", *args, data=urllib.parse.urlencode(form).encode(), headers=[FORM])

    def assert_frame(self, answer, status, outcome, url=BACK):
        code, headers, body = answer
        self.assertEqual(code, status)
        self.assertNotIn("location", headers)
        self.assertNotIn("set-cookie", headers)
        self.assertEqual((headers["cache-control"], headers["referrer-policy"], headers["x-content-type-options"]),
                         ("no-store", "no-referrer", "nosniff"))
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        self.assertEqual((policy["default-src"], policy["frame-ancestors"]), ("'none'", SHOP))
        self.assertRegex(policy["script-src"], r"^'sha256-[a-z0-9+/]{43}='$")  # the harness reads headers in lower case
        href = html.escape(url).replace("&#x27;", "&#39;")
        link = f'<a id="back" target="_top" data-outcome="{outcome}" href="{href}">'
        self.assertIn(link, body.decode())
        self.assertEqual(len(re.findall(b"<script", body)), 1)

    def test_first_return(self):
        session, token, path = self.step()
        self.assertEqual(self.client.get(token, session).step.return_mode, 2)
        self.assert_frame(self.post(path, {"cres": "x"}), 200, "returned")
        found = self.client.get(token, session)
        self.assertEqual((status_name(found), dict(found.redirect_result.payload)), ("RETURNED", {"cres": "x"}))

    def test_over_http2_and_by_get(self):
        _, _, path = self.step()
        self.assert_frame(self.server.curl(path + "?PaRes=x", "--http2-prior-knowledge"), 200, "returned")

    def test_again_and_another_answer(self):
        session, token, path = self.step()
        for _ in range(2):
            self.assert_frame(self.post(path, {"cres": "x"}), 200, "returned")
        self.assert_frame(self.post(path, {"cres": "y"}), 409, "already_answered")
        self.assertEqual(dict(self.client.get(token, session).redirect_result.payload), {"cres": "x"})

    def test_expired(self):
        _, _, path = self.step(step_seconds=60)
        self.server.clock.pass_(61)
        self.assert_frame(self.post(path, {"cres": "x"}), 410, "expired")

    def test_what_is_not_taken(self):
        session, token, path = self.step()
        self.assert_frame(self.post(path, {"cres": "c" * 70000}), 413, "refused")
        self.assert_frame(self.server.curl(path + "?cres=x", "-H", "sec-purpose: prefetch"), 425, "")
        self.assertEqual(status_name(self.client.get(token, session)), "REDIRECTED")
        code, headers, body = self.post("/r/nothing", {"cres": "x"})
        self.assertEqual((code, b"<script" in body), (404, False))
        self.assertNotIn("frame-ancestors", headers["content-security-policy"])

    def test_the_mode_is_the_steps(self):
        session, token, path = self.step()
        newer = self.begin(token, session, name="second", return_mode=REDIRECT).return_url.removeprefix("https://pay.example")
        self.assert_frame(self.post(path, {"cres": "x"}), 410, "expired")
        self.assertEqual(self.post(newer, {"cres": "x"})[0], 303)

    def test_a_step_that_is_forgotten_leads_where_the_newest_does(self):
        session, token, path = self.step(return_mode=REDIRECT)
        for number in range(5):
            self.begin(token, session, name=f"n{number}", return_url=f"{SHOP}/{number}")
        self.assert_frame(self.post(path, {"cres": "x"}), 410, "expired", f"{SHOP}/4")

    def test_the_record_keeps_it(self):
        open_session, open_token, open_path = self.step()
        _, _, over_path = self.step()
        self.assert_frame(self.post(over_path, {"cres": "x"}), 200, "returned")
        self.client.close()
        self.server.stop()
        self.server.start()
        self.connect()
        self.assert_frame(self.post(over_path, {"cres": "x"}), 200, "returned")
        self.assert_frame(self.post(open_path, {"cres": "x"}), 200, "returned")
        self.assertEqual(status_name(self.client.get(open_token, open_session)), "RETURNED")

    def test_redirect_is_the_default(self):
        for mode in (None, "RETURN_MODE_UNSPECIFIED", REDIRECT):
            session, token, path = self.step(return_mode=mode)
            self.assertEqual(self.client.get(token, session).step.return_mode, 1)
            code, headers, body = self.post(path, {"cres": "x"})
            self.assertEqual((code, headers["location"], b"<script" in body), (303, BACK, False))
            self.assertNotIn("frame-ancestors", headers["content-security-policy"])

    def test_a_step_without_a_handle_has_no_mode(self):
        session = unique()
        token = self.client.create(session)
        self.assertEqual(self.client.advance(token, session, "REDIRECT_STARTED").session.step.return_mode, 0)

    def test_refused(self):
        session = unique()
        token = self.client.create(session)
        for fields, field in (({"return_mode": 3}, "return_mode"), ({"return_mode": -1}, "return_mode"),
                              ({"return_url": "https://[2001:db8::1]/x"}, "return_url"),
                              ({"return_url": "https://shop_1.example/x"}, "return_url")):
            body = {"session_token": token, "merchant_session_id": session, "test_mode": True, "name": "c", "return_url": BACK,
                    "return_mode": FRAME, **fields}
            code, _, answer = self.server.post_json("/sessiond.v1.SessionService/BeginStep", body)
            self.assertEqual(code, 400, fields)
            self.assertIn(field, json.dumps(answer), fields)
            self.assertEqual(refusal(self.begin, token, session, **fields)[0], "INVALID_ARGUMENT", fields)
        for url in ("https://[2001:db8::1]/x", "https://shop_1.example/x"):
            self.begin(token, session, return_url=url, return_mode=REDIRECT)

    def test_the_same_call_again(self):
        session = unique()
        token = self.client.create(session)
        one = self.begin(token, session, event_id="b1")
        self.assertEqual(self.begin(token, session, event_id="b1").session.version, one.session.version)
        self.assertEqual(refusal(self.begin, token, session, event_id="b1", return_mode=REDIRECT)[:2], ("ALREADY_EXISTS", "EVENT_CONFLICT"))


if __name__ == "__main__":
    unittest.main()
