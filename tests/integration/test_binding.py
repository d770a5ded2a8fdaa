"""Binding to the browser, in the three modes, with browsers as they are: a phone on a train, a browser that updates itself, a page and its
script, another machine."""
import unittest

from harness import ServerCase, unique
from session_service import Sessions, refusal

CHROME = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36")
DESKTOP = {"color_depth": 24, "screen_height": 1080, "screen_width": 1920, "java_enabled": False, "java_script_enabled": True,
           "language": "de-DE", "time_zone_offset_minutes": -60, "os_type": "Windows", "ip_address": "203.0.113.7",
           "accept_header": "text/html,application/xhtml+xml", "accept_language": "de-DE,de;q=0.9", "user_agent": CHROME.format(120)}
RESULTS = {0: "UNSPECIFIED", 1: "NOT_COMPARED", 2: "MATCH", 3: "DRIFT", 4: "MISMATCH", 5: "STEP_UP"}
MODES = {"observe": 1, "step_up": 2, "enforce": 3}
# A default and two merchants with another mode.
CONFIG = ("binding:\n  mode: enforce\n  modes:\n    - watcher observe\n    - careful step_up\n    - watcher-strict observe\n    - careful-strict step_up\n"
          "  missing_modes:\n    - strict refuse\n    - watcher-strict refuse\n    - careful-strict refuse\n")


class Binding(ServerCase):
    server_options = {"workers": 2, "config": CONFIG}
    merchants = {"enforce": [], "observe": [("x-merchant-id", "watcher")], "step_up": [("x-merchant-id", "careful")],
                 **{name: [("x-merchant-id", name)] for name in ("strict", "watcher-strict", "careful-strict")}}

    def begin(self, mode="enforce", browser=DESKTOP):
        self.client = Sessions(self.server.address, self.merchants[mode])
        self.addCleanup(self.client.close)
        self.session = unique()
        self.token = self.client.create(self.session, browser_info=browser)

    def verdict(self, **changes):
        found = self.client.get(self.token, self.session, browser_info={**DESKTOP, **changes})
        return found.browser_verdict

    def test_same_browser_matches(self):
        for mode, number in MODES.items():
            self.begin(mode)
            verdict = self.verdict()
            self.assertEqual((verdict.mode, RESULTS[verdict.result], verdict.drift_score), (number, "MATCH", 0))
            self.assertEqual((list(verdict.differing_hard), list(verdict.differing_soft)), ([], []))

    def test_what_must_not_block(self):
        """Roaming, another Accept header (a script asks, not a page), an update of the browser: under enforce."""
        self.begin()
        for changes, soft, score in (
                ({"accept_header": "*/*"}, [], 0),
                ({"ip_address": "198.51.100.9"}, ["ip_prefix"], 40),
                ({"ip_address": "203.0.113.200"}, [], 0),  # the same network
                ({"ip_address": "2001:db8::1"}, ["ip_prefix"], 40),
                ({"user_agent": CHROME.format(121)}, ["user_agent_version"], 20),
                ({"accept_language": "en-US"}, ["accept_language"], 40),
                ({"ip_address": "198.51.100.9", "user_agent": CHROME.format(121), "accept_header": "*/*", "accept_language": "en"},
                 ["ip_prefix", "accept_language", "user_agent_version"], 100)):
            verdict = self.verdict(**changes)
            self.assertEqual(RESULTS[verdict.result], "DRIFT" if soft else "MATCH", changes)
            self.assertEqual((sorted(verdict.differing_soft), list(verdict.differing_hard), verdict.drift_score), (sorted(soft), [], score))

    HARD = (({"os_type": "Android"}, "os_type"), ({"screen_width": 390}, "screen_width"), ({"screen_height": 844}, "screen_height"),
            ({"color_depth": 30}, "color_depth"), ({"java_enabled": True}, "java_enabled"),
            ({"time_zone_offset_minutes": 300}, "time_zone_offset_minutes"),
            ({"user_agent": "Mozilla/5.0 (Windows NT 10.0; rv:121.0) Gecko/20100101 Firefox/121.0"}, "user_agent_family"))

    def test_another_machine_is_refused_under_enforce(self):
        self.begin()
        for changes, name in self.HARD:
            code, why, info = refusal(self.client.get, self.token, self.session, browser_info={**DESKTOP, **changes})
            self.assertEqual((code, why), ("PERMISSION_DENIED", "BROWSER_MISMATCH"), name)
            self.assertEqual(info["fields"].replace(",", " ").split(), [name])
        self.assertEqual(RESULTS[self.verdict().result], "MATCH")  # the right one still goes on

    def test_refused_in_every_method(self):
        self.begin()
        other = {**DESKTOP, "os_type": "Android"}
        for method, fields in (("AdvanceSession", {"event": "SESSION_EVENT_COMPLETED"}), ("UpdateSession", {"metadata": {"value": "x"}}),
                               ("RevokeSession", {})):
            code, why, _ = refusal(self.client.call, method, self.token, self.session, browser_info=other, **fields)
            self.assertEqual((code, why), ("PERMISSION_DENIED", "BROWSER_MISMATCH"), method)
        self.assertEqual(self.client.get(self.token, self.session).version, 1)

    def test_observe_tells_and_never_refuses(self):
        self.begin("observe")
        for changes, name in self.HARD:
            verdict = self.verdict(**changes)
            self.assertEqual((RESULTS[verdict.result], name in verdict.differing_hard), ("MISMATCH", True))

    def test_step_up_asks_and_never_refuses(self):
        self.begin("step_up")
        for changes, name in self.HARD:
            verdict = self.verdict(**changes)
            self.assertEqual((RESULTS[verdict.result], name in verdict.differing_hard), ("STEP_UP", True))
        self.assertEqual(RESULTS[self.verdict(ip_address="198.51.100.9").result], "DRIFT")
        soft = self.verdict(ip_address="198.51.100.9", user_agent=CHROME.format(121), accept_language="en")
        self.assertEqual((RESULTS[soft.result], soft.drift_score), ("STEP_UP", 100))

    def test_only_what_both_sides_have_is_compared(self):
        self.begin(browser={"user_agent": CHROME.format(120), "os_type": "Windows"})
        verdict = self.client.get(self.token, self.session, browser_info={"screen_width": 1, "os_type": "windows"}).browser_verdict
        self.assertEqual(RESULTS[verdict.result], "MATCH")
        for browser in (None, {}, {"screen_width": 390}, {"accept_header": "x"}):
            fields = {} if browser is None else {"browser_info": browser}
            verdict = self.client.get(self.token, self.session, **fields).browser_verdict
            self.assertEqual(RESULTS[verdict.result], "NOT_COMPARED", browser)

    def test_what_is_missing_is_told(self):
        self.begin()
        for browser, missing in ((None, {name for _, name in self.HARD}), ({"os_type": "Windows"}, {name for _, name in self.HARD} - {"os_type"}),
                                 (DESKTOP, set())):
            fields = {} if browser is None else {"browser_info": browser}
            verdict = self.client.get(self.token, self.session, **fields).browser_verdict
            self.assertEqual((set(verdict.missing_hard), verdict.missing), (missing, 1), browser)

    def test_a_merchant_may_refuse_what_is_missing(self):
        """enforce: leaving the browser out is no way around it."""
        self.begin("strict")
        without_os = {key: value for key, value in DESKTOP.items() if key != "os_type"}
        for fields, names in (({}, {name for _, name in self.HARD}), ({"browser_info": without_os}, {"os_type"}),
                              ({"browser_info": {**without_os, "screen_width": 1}}, {"os_type", "screen_width"})):
            for method, more in (("GetSession", {}), ("AdvanceSession", {"event": "SESSION_EVENT_COMPLETED"}), ("RevokeSession", {})):
                code, why, info = refusal(self.client.call, method, self.token, self.session, **fields, **more)
                self.assertEqual((code, why, set(info["fields"].split())), ("PERMISSION_DENIED", "BROWSER_MISMATCH", names), method)
        soft = {key: value for key, value in DESKTOP.items() if key not in ("ip_address", "accept_language", "accept_header")}
        verdict = self.client.get(self.token, self.session, browser_info=soft).browser_verdict
        self.assertEqual((RESULTS[verdict.result], verdict.missing, list(verdict.missing_hard)), ("MATCH", 2, []))
        # A continuation by CreateSessionToken neither.
        state = {"connector_customer_id": "c"}
        self.assertEqual(refusal(self.client.create, self.session, state=state, browser_info=None)[:2], ("ALREADY_EXISTS", "SESSION_CONFLICT"))
        code, why, info = refusal(self.client.create, self.session, state=state, browser_info=without_os)
        self.assertEqual(info["differing_fields"], "browser_info.os_type")
        self.client.create(self.session, state=state, browser_info=soft)
        # A session that is not bound asks for nothing.
        self.begin("strict", browser=None)
        self.assertEqual(RESULTS[self.client.get(self.token, self.session).browser_verdict.result], "NOT_COMPARED")

    def test_missing_under_the_other_modes(self):
        for merchant, result in (("watcher-strict", "MISMATCH"), ("careful-strict", "STEP_UP")):
            self.begin(merchant)
            self.assertEqual(RESULTS[self.client.get(self.token, self.session).browser_verdict.result], result)

    def test_missing_over_json(self):
        self.begin("strict")
        body = {"session_token": self.token, "merchant_session_id": self.session}
        for browser, expected in ((None, 403), (DESKTOP, 200)):
            status, _, answer = self.server.post_json("/sessiond.v1.SessionService/GetSession", {**body, "browser_info": browser, "test_mode": True},
                                                      headers=["x-merchant-id: strict"])
            self.assertEqual(status, expected, answer)
        self.assertEqual(answer["session"]["browser_verdict"]["missing"], "BINDING_MISSING_REFUSE")

    def test_names_never_values(self):
        self.begin()
        secret = {**DESKTOP, "os_type": "Canary-OS", "ip_address": "198.51.100.77", "user_agent": "CanaryBrowser/9.9", "accept_language": "x-canary"}
        try:
            self.client.get(self.token, self.session, browser_info=secret)
            self.fail("not refused")
        except Exception as error:
            told = str(error.trailing_metadata()) + str(error.details()) + str(error)
        for value in ("Canary", "198.51.100", "x-canary", "Windows", "Chrome/120", "203.0.113"):
            self.assertNotIn(value, told)
            self.assertNotIn(value, self.server.log())

    def test_advance_binds_a_session_that_was_not(self):
        self.begin(browser=None)
        self.client.advance(self.token, self.session, "AUTHENTICATION_STARTED", browser_info=DESKTOP)
        code, why, info = refusal(self.client.get, self.token, self.session, browser_info={**DESKTOP, "os_type": "Android"})
        self.assertEqual((code, why, info["fields"]), ("PERMISSION_DENIED", "BROWSER_MISMATCH", "os_type"))


if __name__ == "__main__":
    unittest.main()
