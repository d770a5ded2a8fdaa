"""The browser's return by its rules in session.proto and the design, what test_return.py leaves: handles that are not ours in every way,
sessions that went on or ended meanwhile, where a merchant may send a browser, deaths, and that nothing of it is in any log."""
import concurrent.futures
import html
import http.client
import os
import secrets
import signal
import unittest
import urllib.parse

from harness import claims, unique, wait_until
from session_service import SPREAD, SessionCase, connections, refusal, status_name

SHOP = "https://shop.example"
BACK = SHOP + "/back?order=7"
CONFIG = ("session:\n  ttl_seconds: 600\nredirect:\n  public_url: https://pay.example\n  return_urls:\n    - \"* https://shop.example\"\n"
          "    - \"m2 https://other.example:8443\"\n")


class ReturnCase(SessionCase):
    server_options = {"workers": 3, "config": CONFIG}

    def step(self, **fields):
        self.session, self.token = self.begin()
        answer = self.client.begin(self.token, self.session, return_url=BACK, **fields)
        self.token = answer.session_token or self.token
        return answer.step_handle

    def fetch(self, method, path, body=None, headers=None):
        """(status, headers, body); every call on a new connection, thus on any worker."""
        connection = http.client.HTTPConnection(self.server.next().address, timeout=120)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def post(self, handle, form, query="", **headers):
        return self.fetch("POST", f"/r/{handle}{query}", urllib.parse.urlencode(form),
                          {"content-type": "application/x-www-form-urlencoded", **headers})

    def get(self):
        return self.client.get(self.token, self.session)

    def plain_page(self, answer, status, link=BACK):
        """A page that reveals nothing but the way back, where that is known."""
        found, headers, body = answer
        self.assertEqual(found, status, body[:200])
        if link:
            anchor = f'<a href="{html.escape(link)}">Continue to the shop</a>'
            self.assertIn(anchor, body)
            body = body.replace(anchor, "")
        self.assertTrue(headers["content-type"].startswith("text/html"))
        self.assertNotIn("location", headers)
        self.assertNotIn("set-cookie", headers)
        self.assertRegex(body, r"(?s)^<!doctype html>.*<h1>[^<]+</h1>.*</html>\s*$")
        for hidden in (self.session, self.token, BACK, "shop.example", "cres", "sess_", claims(self.token)["jti"]):
            self.assertNotIn(hidden, body)


class Return(ReturnCase):
    def test_the_step(self):
        self.session, self.token = self.begin()
        answer = self.client.begin(self.token, self.session, "three_ds_challenge", return_url=BACK, step_seconds=60)
        self.assertRegex(answer.step_handle, r"^[A-Za-z0-9_.-]{1,1024}$")
        session = answer.session
        self.assertEqual((status_name(session), session.version), ("REDIRECTED", 2))
        self.assertEqual((session.step.name, session.step.return_url), ("three_ds_challenge", BACK))
        self.assertEqual(session.step.expires_ms - session.step.started_ms, 60_000)
        self.assertEqual(answer.expires_ms, session.step.expires_ms)
        for hidden in (self.token, self.session, claims(self.token)["jti"]):
            self.assertNotIn(hidden, answer.step_handle)

    def test_pares_and_query(self):
        handle = self.step()
        form = {"PaRes": "a+b/c==", "MD": "x y&z", "e": "é"}
        self.assertEqual(self.post(handle, form, "?ref=1&z=%20")[0], 303)
        found = self.get()
        self.assertEqual((status_name(found), found.version, found.HasField("step")), ("RETURNED", 3, False))
        self.assertEqual((dict(found.redirect_result.payload), found.redirect_result.params.value, found.redirect_result.step_name),
                         (form, "ref=1&z=%20", "challenge"))
        self.assertEqual([event.event for event in found.events], [2, 3])

    def test_of_a_repeated_name_the_first_value(self):
        handle = self.step()
        self.assertEqual(self.fetch("GET", f"/r/{handle}?state=abc&state=second&empty=")[0], 303)
        self.assertEqual(dict(self.get().redirect_result.payload), {"state": "abc", "empty": ""})

    def test_no_cookie_and_nothing_in_the_address(self):
        handle = self.step()
        status, headers, body = self.post(handle, {"cres": "x"}, cookie="session=abc")
        self.assertEqual(status, 303)
        self.assertNotIn("set-cookie", headers)
        self.assertEqual((headers["location"], headers["referrer-policy"], headers["cache-control"]), (BACK, "no-referrer", "no-store"))
        for hidden in (self.token, handle, claims(self.token)["jti"], "sess_"):
            self.assertNotIn(hidden, headers["location"] + body)

    def test_the_same_again_after_the_payment_went_on(self):
        handle = self.step()
        first = self.post(handle, {"cres": "x"})
        for event in ("CHALLENGE_PASSED", "PROCESSING_STARTED", "COMPLETED"):
            answer = self.client.advance(self.token, self.session, event)
            self.token = answer.session_token or self.token
            again = self.post(handle, {"cres": "x"})
            self.assertEqual((again[0], again[1]["location"]), (303, first[1]["location"]), event)
            self.plain_page(self.post(handle, {"cres": "y"}), 409)
            self.assertEqual(self.get().version, answer.session.version)

    def test_many_at_the_same_time(self):
        for _ in range(3):
            handle = self.step()
            with concurrent.futures.ThreadPoolExecutor(SPREAD) as pool:
                answers = set(pool.map(lambda n: (n % 2, self.post(handle, {"cres": str(n % 2)})[0]), range(SPREAD)))
            found = self.get()
            won = int(found.redirect_result.payload["cres"])
            self.assertEqual((answers, found.version), ({(won, 303), (1 - won, 409)}, 3))

    def test_unknown_and_tampered_handles(self):
        handle = self.step()
        bad = ["x", "nosuchhandle", handle[:-2], handle + "AA", handle.upper(), "v4.local." + secrets.token_urlsafe(200), self.token,
               self.token[len("sess_"):], "%00", "..%2f..", "A" * 1500]
        for at in (10, 40, len(handle) // 2, len(handle) - 5):
            bad.append(handle[:at] + ("A" if handle[at] != "A" else "B") + handle[at + 1:])
        for one in bad:
            for answer in (self.fetch("GET", f"/r/{one}?cres=1"), self.post(one, {"cres": "1"})):
                self.plain_page(answer, 404, link=None)
        self.assertEqual((status_name(self.get()), self.get().version), ("REDIRECTED", 2))
        self.assertEqual(self.post(handle, {"cres": "1"})[0], 303)

    def test_handles_of_others(self):
        """A handle is no session token, a session token is no handle, and one session's handle moves no other."""
        one = self.step()
        first = (self.session, self.token)
        self.step()
        self.assertEqual(refusal(self.client.get, "sess_" + one, self.session)[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        self.assertEqual(refusal(self.client.get, one, self.session)[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        self.assertEqual(self.post(one, {"cres": "1"})[0], 303)
        self.assertEqual(status_name(self.get()), "REDIRECTED")
        self.assertEqual(status_name(self.client.get(first[1], first[0])), "RETURNED")

    def test_the_payment_went_on_before_the_browser_came(self):
        """A webhook is faster than the shopper: he ends in the shop, what he brought is kept, the session stays."""
        for event in ("COMPLETED", "FAILED", "STEP_CANCELLED", "PROCESSING_STARTED", "CHALLENGE_PASSED", "BROWSER_RETURNED", "REVOKED"):
            handle = self.step()
            if event == "REVOKED":
                self.client.revoke(self.token, self.session)
            elif event in ("COMPLETED", "FAILED", "PROCESSING_STARTED"):
                self.client.advance("", self.session, event, event_id="hook-1")
            else:
                self.token = self.client.advance(self.token, self.session, event).session_token or self.token
            before = None if event == "REVOKED" else self.get()
            for _ in range(2):
                status, headers, _ = self.post(handle, {"cres": "1"}, "?a=b")
                self.assertEqual((status, headers["location"]), (303, BACK), event)
            self.assertEqual(self.fetch("GET", f"/r/{handle}")[0], 303)
            self.plain_page(self.post(handle, {"cres": "2"}), 409)
            if before is None:
                continue
            found = self.get()
            self.assertEqual((found.version, status_name(found)), (before.version, status_name(before)), event)
            self.assertEqual((dict(found.redirect_result.payload), found.redirect_result.params.value), ({"cres": "1"}, "a=b"), event)
            self.assertEqual([(row.event, row.outcome) for row in found.events if row.event == 3][-1], (3, 2), event)
            self.assertEqual(len(found.events), len(before.events) + 1)

    def test_a_bare_address_uses_nothing_up(self):
        looks = [("GET", None, {}), ("GET", None, {"sec-purpose": "prefetch"}), ("GET", None, {"sec-purpose": "prefetch;prerender"}), ("POST", b"", {}),
                 ("POST", b"", {"content-type": "application/x-www-form-urlencoded"}), ("POST", b"&&", {}), ("GET", None, {"purpose": "preview"}),
                 ("POST", b"=&", {"content-type": "application/x-www-form-urlencoded"})]
        bare = [("", look) for look in looks] + [(query, looks[0]) for query in ("?", "?&", "?&&", "?=", "?=&=")] + [("?&", looks[3])]
        for query, (method, body, headers) in bare:
            handle = self.step()
            status, answered, _ = self.fetch(method, f"/r/{handle}{query}", body, headers)
            self.assertEqual((status, answered["location"]), (303, BACK), (method, query, headers))
            self.assertEqual(self.fetch("HEAD", f"/r/{handle}?cres=1")[0], 405)
            self.assertEqual((status_name(self.get()), self.get().version), ("REDIRECTED", 2))
            self.assertEqual(self.post(handle, {"cres": "real"})[0], 303)
            self.assertEqual(self.fetch(method, f"/r/{handle}{query}", body, headers)[0], 303)
            found = self.get()
            self.assertEqual((status_name(found), found.version, dict(found.redirect_result.payload)), ("RETURNED", 3, {"cres": "real"}))

    def test_a_prefetch_is_no_return(self):
        for headers in ({"sec-purpose": "prefetch"}, {"sec-purpose": "prefetch;anonymous-client-ip"}, {"purpose": "prefetch"}, {"x-moz": "prefetch"}):
            handle = self.step()
            self.plain_page(self.fetch("GET", f"/r/{handle}?cres=1", None, headers), 425)
            self.assertEqual(status_name(self.get()), "REDIRECTED")
            self.assertEqual(self.fetch("GET", f"/r/{handle}?cres=1")[0], 303)
            self.assertEqual(status_name(self.get()), "RETURNED")

    def test_the_caller_tells_of_the_step_too(self):
        handle = self.step()
        self.client.advance(self.token, self.session, "REDIRECT_STARTED", event_id="sent")
        status, headers, _ = self.post(handle, {"cres": "c1"})
        self.assertEqual((status, headers["location"]), (303, BACK))
        found = self.get()
        self.assertEqual((status_name(found), dict(found.redirect_result.payload)), ("RETURNED", {"cres": "c1"}))
        answer = self.client.begin(self.token, self.session, return_url=BACK + "&again=1")  # a new one takes its place
        self.assertEqual(self.post(answer.step_handle, {"cres": "c2"})[1]["location"], BACK + "&again=1")

    def test_steps_that_follow_each_other(self):
        one = self.step()
        self.post(one, {"cres": "1"})
        self.token = self.client.advance(self.token, self.session, "CHALLENGE_PASSED").session_token or self.token
        answer = self.client.begin(self.token, self.session, "second", return_url=BACK + "&second")
        self.token, two = answer.session_token or self.token, answer.step_handle
        for expected in ("REDIRECTED", "RETURNED"):
            again = self.post(one, {"cres": "1"})
            self.assertEqual((again[0], again[1]["location"]), (303, BACK))
            self.plain_page(self.post(one, {"cres": "2"}), 409)
            self.assertEqual(status_name(self.get()), expected)
            if expected == "REDIRECTED":
                self.assertFalse(self.get().HasField("redirect_result"))
                self.assertEqual(self.post(two, {"cres": "two"})[1]["location"], BACK + "&second")
        self.assertEqual(dict(self.get().redirect_result.payload), {"cres": "two"})

    def test_after_a_step_timed_out_the_last_ones_result_stays_away(self):
        one = self.step()
        self.post(one, {"cres": "1"})
        answer = self.client.begin(self.token, self.session, "second", return_url=BACK, step_seconds=60)
        self.token = answer.session_token or self.token
        self.server.clock.pass_(61)
        self.assertEqual(status_name(self.get()), "OPEN")
        self.assertFalse(self.get().HasField("redirect_result"))
        self.assertEqual(self.post(one, {"cres": "1"})[0], 303)
        self.plain_page(self.post(answer.step_handle, {"cres": "late"}), 410)
        self.assertEqual((status_name(self.get()), dict(self.get().redirect_result.payload)), ("OPEN", {"cres": "late"}))

    def test_every_form_that_a_bank_may_send(self):
        form = {"content-type": "application/x-www-form-urlencoded"}
        cres = "eyJ0cmFuc1N0YXR1cyI6IlkifQ"
        rows = [(b"cres=%b&message=r%%E9ussie" % cres.encode(), {"content-type": form["content-type"] + "; charset=ISO-8859-1"}, {"message": "réussie"}),
                (b"cres=%b&message=r\xe9ussie" % cres.encode(), form, {"message": "réussie"}),
                (b"cres=%b&message=%%B3%%C9" % cres.encode(), {"content-type": form["content-type"] + "; charset=GBK"}, {"message": "\ufffd\ufffd"}),
                (b"cres=%b&a=%%00&=v" % cres.encode(), form, {"a": "\ufffd", "": "v"}),
                (b"cres=%b&cres=other" % cres.encode(), {}, {}),
                (b"cres=%b\r\nMD=a b\r\n" % cres.encode(), {"content-type": "text/plain"}, {"MD": "a b"}),
                (b'--x\r\nContent-Disposition: form-data; name="cres"\r\n\r\n%b\r\n--x--' % cres.encode(), {"content-type": "multipart/form-data; boundary=x"}, {}),
                (b'{"cres":"%b","n":1}' % cres.encode(), {"content-type": "application/json"}, {"n": "1"}),
                (b"cres=%b" % cres.encode(), {"content-type": "application/octet-stream"}, {})]
        for body, headers, more in rows:
            handle = self.step()
            self.assertEqual(self.fetch("POST", f"/r/{handle}", body, headers)[0], 303, body)
            self.assertEqual(dict(self.get().redirect_result.payload), {"cres": cres, **more}, body)
        for body, headers in ((b"<PaRes/>", {"content-type": "text/xml"}), (b"plain words", {})):
            handle = self.step()
            self.assertEqual(self.fetch("POST", f"/r/{handle}", body, headers)[0], 303, body)
            self.assertEqual(dict(self.get().redirect_result.payload), {"body": body.decode()})
        handle = self.step()
        self.assertEqual(self.fetch("GET", f"/r/{handle}?status=ok&name=Andr%E9")[0], 303)
        self.assertEqual((dict(self.get().redirect_result.payload), self.get().redirect_result.params.value),
                         ({"status": "ok", "name": "André"}, "status=ok&name=Andr%E9"))

    def test_long_queries_over_both_protocols(self):
        for size in (8000, 16384 - len("PaRes=")):
            for version in ("--http1.1", "--http2-prior-knowledge"):
                handle = self.step()
                self.assertEqual(self.server.curl(f"/r/{handle}?PaRes={'A' * size}", version)[0], 303, (size, version))
                self.assertEqual(len(self.get().redirect_result.payload["PaRes"]), size)

    def test_refusals_are_pages_over_both_protocols(self):
        handle = self.step()
        path = f"/r/{handle}"
        for version in ("--http1.1", "--http2-prior-knowledge"):
            rows = [((path + "?q=" + "x" * 16400,), (413,), BACK), ((path + "?q=" + "x" * 20000,), (413, 414), BACK if "http2" in version else None),
                    ((path + "?q=" + "x" * 40000,), (414, 431), None),
                    ((path, "-X", "PUT"), (405,), None), ((path, "-X", "DELETE"), (405,), None), (("/r/nothing?cres=1",), (404,), None),
                    ((path, "-H", "content-encoding: br", "-d", "cres=1"), (415,), None)]
            for arguments, statuses, link in rows:
                status, headers, body = self.server.curl(*arguments, version)
                self.assertIn(status, statuses, arguments)
                self.plain_page((status, headers, body.decode()), status, link)
            status, headers, body = self.server.curl(path, version, "-X", "POST", data=b"cres=" + b"x" * (256 * 1024))
            self.assertEqual(status, 413, version)
            self.plain_page((status, headers, body.decode()), status, link=None)
        self.assertEqual((status_name(self.get()), self.get().version), ("REDIRECTED", 2))

    def test_repeated_begin_gives_the_same_step(self):
        self.session, self.token = self.begin()
        one = self.client.begin(self.token, self.session, return_url=BACK, event_id="b1")
        two = self.client.begin(self.token, self.session, return_url=BACK, event_id="b1")
        self.assertEqual((two.session.version, two.expires_ms), (one.session.version, one.expires_ms))
        self.assertEqual(self.post(one.step_handle, {"cres": "1"})[0], 303)
        self.assertEqual(self.post(two.step_handle, {"cres": "1"})[0], 303)  # one step: the same return again
        self.assertEqual(self.get().version, 3)
        self.assertEqual(refusal(self.client.begin, self.token, self.session, return_url=BACK, event_id="b1")[:2],
                         ("FAILED_PRECONDITION", "STEP_OVER"))

    def test_return_urls(self):
        session, token = self.begin()
        refused = ("https://evil.example/back", "https://shop.example.evil.example/", "https://shop.example:444/back",
                   "https://evil.example/https://shop.example", "https://other.example:8443/", "https://sub.shop.example/")
        for url in refused:
            self.assertEqual(refusal(self.client.begin, token, session, return_url=url)[:2], ("PERMISSION_DENIED", "RETURN_URL_REFUSED"), url)
        for url in ("", "shop.example/back", "javascript:alert(1)", "https://user@shop.example/", SHOP + "/#x", SHOP + "/a\r\nSet-Cookie: x=1",
                    SHOP + "/" + "a" * 1100, "//shop.example/back", "https:///back", SHOP + "\\@evil.example/", "https://shop.example@evil.example/",
                    "http://shop.example/back", SHOP + "/a b"):
            code, _, _ = refusal(self.client.begin, token, session, return_url=url)
            self.assertIn(code, ("INVALID_ARGUMENT", "PERMISSION_DENIED"), url)
        self.assertEqual(self.client.get(token, session).version, 1)
        with connections(self.server.address, 1, metadata=[("x-merchant-id", "m2")]) as (client,):
            other = client.create(session)
            self.assertEqual(client.begin(other, session, return_url="https://other.example:8443/x").session.version, 2)

    def test_step_names(self):
        session, token = self.begin()
        for name in ("", "UPPER", "a b", "x" * 65, "é", "a/b"):
            self.assertEqual(refusal(self.client.begin, token, session, name, return_url=BACK)[0], "INVALID_ARGUMENT", name)
        self.assertEqual(self.client.begin(token, session, "a-z_0.9", return_url=BACK).session.step.name, "a-z_0.9")

    def test_limits(self):
        handle = self.step()
        for form in ({f"n{number}": "v" for number in range(65)}, {"n" * 257: "v"}, {"v": "x" * (65 * 1024)}):
            self.plain_page(self.post(handle, form), 413)
        self.assertEqual([self.fetch(method, f"/r/{handle}")[0] for method in ("PUT", "HEAD", "DELETE")], [405] * 3)
        self.assertEqual(self.get().version, 2)
        self.assertEqual(self.post(handle, {f"n{number}": "v" * 900 for number in range(64)})[0], 303)
        self.assertEqual(len(self.get().redirect_result.payload), 64)

    def test_update_of_the_amount_waits_for_the_step(self):
        handle = self.step()
        self.assertEqual(refusal(self.client.update, self.token, self.session, amount={"minor_amount": 5, "currency": "USD"})[:2],
                         ("FAILED_PRECONDITION", "STEP_IN_PROGRESS"))
        # A text may change; the browser that is away still finds its way back.
        self.token = self.client.update(self.token, self.session, metadata={"value": "m"}).session_token
        self.assertEqual(self.post(handle, {"cres": "1"})[0], 303)
        self.assertEqual(status_name(self.get()), "RETURNED")

    def test_after_every_worker_died(self):
        handle = self.step()
        for kill in (True, True):
            if kill:
                pids = set(self.server.workers())
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                wait_until(lambda dead=pids: not dead & set(self.server.workers()) and self.server.all_serve(), "the replaced workers")
            status, headers, _ = self.post(handle, {"cres": "1"})
            self.assertEqual((status, headers["location"]), (303, BACK))
        with connections(self.server.address, 1) as (client,):
            found = client.get(self.token, self.session)
            self.assertEqual((status_name(found), found.version), ("RETURNED", 3))


class NothingLogged(ReturnCase):
    server_options = {"workers": 2, "config": CONFIG + "log:\n  level: debug\n"}

    def test_canaries(self):
        """Neither token, handle, what the browser brought, nor the session's id in any line of the log, at the level debug."""
        canary = "canary" + secrets.token_hex(8).translate(str.maketrans("0123456789", "ghijklmnop"))
        session = unique()
        token = self.client.create(session, metadata={"value": canary + "-meta"}, state={"connector_customer_id": canary + "-cus"})
        answer = self.client.begin(token, session, return_url=SHOP + "/" + canary + "-url", event_id=canary + "-event")
        handle = answer.step_handle
        self.fetch("GET", f"/r/{handle[:-3]}?cres={canary}-tampered", headers={"referer": f"https://bank.example/{canary}-ref"})
        self.post(handle, {"cres": canary + "-cres", canary + "-name": "v"}, f"?q={canary}-query", referer=f"https://bank.example/{canary}-ref")
        self.post(handle, {"cres": canary + "-other"})
        refusal(self.client.get, token, session, browser_info={"user_agent": canary + "-agent", "os_type": canary})
        self.client.update(answer.session_token or token, session, metadata={"value": canary + "-meta2"})
        refusal(self.client.get, token, session)
        refusal(self.client.get, token[:-4] + "AAAA", session)
        lines = wait_until(lambda: [row for row in self.server.lines() if row.get("flow") or row.get("http_status")], "lines of requests")
        self.assertGreater(len(lines), 5)
        log = self.server.log()
        for hidden in (canary, handle, handle[9:60], token, token[20:80], claims(token)["jti"]):
            self.assertNotIn(hidden, log)


if __name__ == "__main__":
    unittest.main()
