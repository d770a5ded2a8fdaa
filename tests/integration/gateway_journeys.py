"""Journeys of payments from the session to the money, as tables: what an unmodified client calls one behind the other, what each call is
answered, and where the session stands behind it. What the connector says to which means of payment: upstream_connector.py.
"""
import contextlib
import json
import re
import threading
import time

from harness import CREATE, PATIENCE, unique, wait_until
from session_service import SERVICE
from upstream_connector import AUTHENTICATION, CHALLENGED, DECLINED, FRICTIONLESS, TIMED_OUT
from upstream_connector import PAYMENTS as PAYMENT_METHODS
from upstream_connector import SERVICE as PAYMENT
from variants import SIM_CONFIGS

NUVEI = [("x-connector", "nuvei"), ("x-connector-config", json.dumps({"config": SIM_CONFIGS["nuvei"]}))]
AMOUNT = {"minor_amount": "12900", "currency": "EUR"}
BROWSER = {"accept_header": "text/html", "user_agent": "Mozilla/5.0", "ip_address": "192.0.2.1"}
RETURN_URL = "http://localhost:1/back"


def card(number):
    return {"card": {"card_number": {"value": number}, "card_exp_month": {"value": "12"}, "card_exp_year": {"value": "2030"}, "card_cvc": {"value": "123"}}}


CHARGED_CARD, WALLET, IDEAL = card("4111111111111111"), {"apple_pay": {"payment_data": {"value": "sealed"}}}, {"ideal": {}}

# name: [(call, what it is answered, where the session then stands)]. A status of the answer; OK where it has none; a reason of refusal.
JOURNEYS = {
    "frictionless": (card(FRICTIONLESS), [
        ("create", "OK", "OPEN"),
        ("pre_authenticate", "AUTHENTICATION_PENDING", "OPEN"),
        ("authenticate", "AUTHENTICATION_SUCCESSFUL", "OPEN"),
        ("authorize", "CHARGED", "COMPLETED"),
        ("get", "CHARGED", "COMPLETED")]),
    "challenge": (card(CHALLENGED), [
        ("create", "OK", "OPEN"),
        ("pre_authenticate", "AUTHENTICATION_PENDING", "OPEN"),
        ("authenticate", "AUTHENTICATION_PENDING", "OPEN"),
        ("begin_step", "OK", "REDIRECTED"),
        ("come_back", "OK", "RETURNED"),
        ("post_authenticate", "AUTHENTICATION_SUCCESSFUL", "RETURNED"),
        ("authorize", "CHARGED", "COMPLETED"),
        ("refund", "REFUND_SUCCESS", "COMPLETED")]),
    "redirect": (IDEAL, [
        ("create", "OK", "OPEN"),
        ("begin_step", "OK", "REDIRECTED"),
        ("authorize", "AUTHENTICATION_PENDING", "AUTHENTICATING"),
        ("confirm", "OK", "AUTHENTICATING"),
        ("come_back", "OK", "RETURNED"),
        ("get", "CHARGED", "COMPLETED")]),
    "wallet": (WALLET, [
        ("create", "OK", "OPEN"),
        ("authorize", "AUTHORIZED", "COMPLETED"),
        ("capture", "CHARGED", "COMPLETED"),
        ("refund", "REFUND_SUCCESS", "COMPLETED"),
        ("refund_get", "REFUND_SUCCESS", "COMPLETED")]),
    "void": (WALLET, [
        ("create", "OK", "OPEN"),
        ("authorize", "AUTHORIZED", "COMPLETED"),
        ("void", "VOIDED", "COMPLETED")]),
    "decline": (card(DECLINED), [
        ("create", "OK", "OPEN"),
        ("authorize", "FAILURE", "OPEN"),
        ("authorize_another_card", "CHARGED", "COMPLETED"),
        ("get", "CHARGED", "COMPLETED")]),
    "time-out": (card(TIMED_OUT), [
        ("create", "OK", "OPEN"),
        ("authorize", "CALL_OUTCOME_UNKNOWN", "PROCESSING"),
        ("get", "CHARGED", "COMPLETED"),
        ("authorize_once_more", "CALL_SETTLED", "COMPLETED")]),
    "composite": (CHARGED_CARD, [
        ("create", "OK", "OPEN"),
        ("authorize_composite", "CHARGED", "COMPLETED"),
        ("get", "CHARGED", "COMPLETED")]),
    "mandate": (CHARGED_CARD, [
        ("create", "OK", "OPEN"),
        ("setup_recurring", "CHARGED", "COMPLETED"),
        ("get", "CHARGED", "COMPLETED"),
        ("refund", "REFUND_SUCCESS", "COMPLETED")]),
    "retry": (CHARGED_CARD, [
        ("create", "OK", "OPEN"),
        ("create", "OK", "OPEN"),
        ("authorize", "CHARGED", "COMPLETED"),
        ("authorize_once_more", "CHARGED", "COMPLETED"),
        ("get", "CHARGED", "COMPLETED")]),
}
# What they come to, at the connector: payments that were made there, by their statuses, and what was done with them.
ENDS = {"frictionless": ["Authorize"], "challenge": ["Authorize", "Refund"], "redirect": ["Authorize"], "wallet": ["Authorize", "Capture", "Refund"],
        "void": ["Authorize", "Void"], "decline": ["Authorize", "Authorize"], "time-out": ["Authorize"], "composite": ["Authorize"],
        "mandate": ["SetupRecurring", "Refund"], "retry": ["Authorize"]}
COMPOSITE = "/types.CompositePaymentService/Authorize"
EFFECTS = {COMPOSITE, *(f"{PAYMENT}{name}" for name in ("Authorize", "SetupRecurring", "Capture", "Void", "Refund"))}
AT_THE_CONNECTOR = ("pre_authenticate", "authenticate", "post_authenticate", "authorize", "authorize_another_card", "authorize_composite", "setup_recurring", "get",
                    "capture", "void", "refund", "refund_get")
# Their answers are kept, and come again.
PAYMENTS = ("authorize", "authorize_another_card", "authorize_composite", "authorize_once_more", "setup_recurring")
REPEATED = (*PAYMENTS, "capture", "void", "refund")
# Who was not answered, or told to wait, calls again; every other word is an answer.
UNKNOWN = "CALL_OUTCOME_UNKNOWN"
CALL_AGAIN = {"UNAVAILABLE", "UPSTREAM_UNAVAILABLE", "SESSION_BUSY", "STORE_UNAVAILABLE", "OUTCOME_UNKNOWN", "UNKNOWN", "INTERNAL", "CANCELLED",
              "DEADLINE_EXCEEDED", "ABORTED"}


def calls_of(journey):
    return [call for call, _, _ in JOURNEYS[journey][1]]


class Payment:
    """One session on its journey: what a shop's server keeps of it, and how each call is written."""

    def __init__(self, world, client, journey):
        self.world, self.client, self.journey = world, client, journey
        self.session, self.means = unique(journey.replace("-", "")), JOURNEYS[journey][0]
        self.token, self.step, self.answers, self.timeout, self.settles = "", None, {}, PATIENCE, []
        self.turns, self.others = 0, 0  # payments, and what follows them, that had to be made under another id

    # ---- calls by name: (path, request)
    def create(self):
        return CREATE, {"merchant_session_id": self.session, "amount": AMOUNT, "browser_info": BROWSER, "test_mode": True}

    def authentication(self, name, **more):
        return AUTHENTICATION + name, {"merchant_order_id": self.session, "amount": AMOUNT, "payment_method": self.means, "browser_info": BROWSER, **more}

    def pre_authenticate(self):
        return self.authentication("PreAuthenticate", return_url=RETURN_URL)

    def authenticate(self):
        return self.authentication("Authenticate", return_url=RETURN_URL)

    def post_authenticate(self):
        return self.authentication("PostAuthenticate")

    def transaction(self):
        return f"{self.session}-t{self.turns}"

    def authorize(self):
        return PAYMENT + "Authorize", {"merchant_transaction_id": self.transaction(), "merchant_order_id": self.session, "amount": AMOUNT,
                                       "payment_method": self.means, "session_token": self.token, "browser_info": BROWSER, "test_mode": True,
                                       "return_url": self.step["return_url"] if self.step else RETURN_URL}

    def authorize_another_card(self):
        if self.means != CHARGED_CARD:
            self.means, self.turns = CHARGED_CARD, self.turns + 1
        return self.authorize()

    authorize_once_more = authorize

    def authorize_composite(self):
        return COMPOSITE, {"merchant_transaction_id": self.transaction(), "merchant_order_id": self.session, "amount": AMOUNT,
                           "payment_method": self.means, "session_token": self.token, "browser_info": BROWSER, "test_mode": True}

    def setup_recurring(self):
        return PAYMENT + "SetupRecurring", {"merchant_recurring_payment_id": self.transaction(), "merchant_order_id": self.session, "amount": AMOUNT,
                                            "payment_method": self.means, "session_token": self.token, "browser_info": BROWSER, "return_url": RETURN_URL}

    def get(self):
        return PAYMENT + "Get", {"merchant_transaction_id": self.transaction(), "test_mode": True}

    def capture(self):
        return PAYMENT + "Capture", {"merchant_capture_id": f"{self.session}-c{self.others}", "amount_to_capture": AMOUNT, "merchant_order_id": self.session, "test_mode": True}

    def void(self):
        return PAYMENT + "Void", {"merchant_void_id": f"{self.session}-v{self.others}", "amount": AMOUNT, "merchant_order_id": self.session, "test_mode": True}

    def refund(self):
        return PAYMENT + "Refund", {"merchant_refund_id": f"{self.session}-r{self.others}", "payment_amount": AMOUNT["minor_amount"], "refund_amount": {**AMOUNT, "minor_amount": "900"},
                                    "test_mode": True}

    def refund_get(self):
        return "/types.RefundService/Get", {"merchant_refund_id": f"{self.session}-r{self.others}", "test_mode": True}

    def begin_step(self):
        return SERVICE + "BeginStep", {**self.key(), "name": "challenge", "return_url": RETURN_URL, "event_id": f"begin-{self.transaction()}"}

    def key(self):
        return {"session_token": self.token, "merchant_session_id": self.session, "test_mode": True}

    # ---- making them
    def headers(self, path):
        own = [("x-session-token", self.token), ("x-merchant-session-id", self.session)]
        return NUVEI + self.settles + (own if path.startswith("/types.") and path != CREATE else [])

    def send(self, path, request):
        told = self.client.call(path, request, self.headers(path), self.timeout)
        self.token = told.answer.get("session_token") or self.token
        return told

    def insist(self, path, request):
        """As clients do: again, until there is an answer."""
        end = time.monotonic() + PATIENCE
        while True:
            told = self.send(path, request)
            refused = path == CREATE and "error" in told.answer  # the sandbox's connector dies with it
            if told.word() not in CALL_AGAIN and not refused:
                return told
            assert time.monotonic() < end, f"{self.journey}: {path}: {told}"
            self.world.pause()

    def come_back(self):
        """The browser, from the bank."""
        path = f"/r/{self.step['step_handle']}"
        return self.world.browse(path, "cres=challenged")

    def do(self, name):
        """The word that a call of the journey is answered with; again: the same word."""
        if name == "come_back":
            return self.come_back()
        if name == "confirm":
            self.world.simulator.confirm(self.transaction())
            return "OK"
        told = self.insist(*getattr(self, name)())
        if name == "begin_step" and told.code == "OK":
            self.step = told.answer
        assert not re.search("raw_connector|411111", json.dumps(told.answer)), told
        if name in REPEATED and told.code == "OK":
            first = self.answers.setdefault((name.partition("_")[0], self.turns, self.others), told.answer)
            assert told.answer == first, f"{self.journey}: {name}: another answer than the first: {told.answer}, {first}"
        return told.word()

    def look(self):
        told = self.insist(SERVICE + "GetSession", self.key())
        assert told.code == "OK", told
        return told.answer["session"]

    def status(self):
        return self.look()["status"].removeprefix("SESSION_STATUS_")

    def advance(self, event):
        """A webhook's word, without a token."""
        request = {"merchant_session_id": self.session, "test_mode": True, "event": f"SESSION_EVENT_{event}", "event_id": f"{event}-{self.transaction()}"}
        told = self.insist(SERVICE + "AdvanceSession", request)
        assert told.code == "OK", told

    # ---- the journey
    def name(self, i):
        return calls_of(self.journey)[i]

    def has_effect(self, i):
        return self.name(i) in REPEATED

    def of(self, i):
        """(path, request) of call i."""
        return getattr(self, self.name(i))()

    def call(self, i):
        """Call i, and what the table says of it: whether it is the first time or not."""
        name, word, status = JOURNEYS[self.journey][1][i]
        self.expect(self.do(name), word, i)
        self.expect(self.status(), status, i)

    def told(self, found, i):
        return f"{self.journey}, call {i} ({self.name(i)}): {found}; at the connector: {self.world.calls(self.session)}"

    def expect(self, found, wanted, i):
        assert found == wanted, self.told(f"{found}, and not {wanted}", i)

    def next(self, i):
        """The call without an effect, and which one comes then."""
        self.expect(self.do(self.name(i)), JOURNEYS[self.journey][1][i][1], i)
        return i + 1

    def walk(self, begin, end):
        for i in range(begin, end):
            self.call(i)

    def length(self):
        return len(JOURNEYS[self.journey][1])

    # ---- behind a crash
    def recover(self, i, final=False):
        """Call i has an effect, and who made it died or was left: the next call to be made, past the last one where the journey ends here.
        final: nothing of it is under way any more."""
        word = self.do(self.name(i))
        if word == JOURNEYS[self.journey][1][i][1] and word != UNKNOWN:
            return i + 1
        assert word in (UNKNOWN, "CALL_SETTLED"), self.told(word, i)
        return self.after_unknown_payment(i) if self.name(i) in PAYMENTS else self.after_unknown(i, final)

    def after_unknown(self, i, final):
        """The connector is asked, and what it knows of is settled. Of all else nobody knows, unless somebody may say that it will not come: then
        it is made under another id."""
        name = self.name(i)
        ask = "refund_get" if name == "refund" else "get"
        self.do(ask)
        made = any(call["method"].rpartition("/")[2].lower() == name and call["state"] == "made" for call in self.world.effects(self.session))
        self.expect(self.states()[name], "SETTLED" if made else "UNKNOWN", i)
        if made or not final:
            return i + 1 if made else self.length()
        self.settles = [("x-session-settle", "final")]
        self.do(ask)
        self.settles = []
        self.expect(self.states()[name], "SETTLED", i)
        self.others += 1
        return i

    def states(self):
        """{name: state} of the calls that the session remembers."""
        return {call["method"].rpartition("/")[2].lower(): call["state"].removeprefix("GATEWAY_CALL_STATE_") for call in self.look()["gateway_calls"]}

    def after_unknown_payment(self, i):
        """The connector is asked; where it knows of nothing that is over, a webhook or an operator says that it was no payment."""
        for _ in range(2):  # whoever is about to give up asks twice
            if self.status() == "PROCESSING":
                self.do("get")
        if self.status() == "COMPLETED":
            self.expect(self.do(self.name(i)), "CALL_SETTLED", i)
            return self.length() if "authorize_once_more" in calls_of(self.journey)[i:] else i + 1
        if self.status() == "PROCESSING":
            self.advance("ATTEMPT_FAILED")
            self.turns += 1
            self.expect(self.do("create"), "OK", i)  # the newest token
            return 1 if self.journey == "redirect" else i
        self.expect(self.status(), "OPEN", i)
        return i + 1

    # ---- what it came to
    def check_end(self):
        """Each effect once at the connector, and all of them there."""
        names = [call["method"].rpartition("/")[2] for call in self.world.effects(self.session)]
        self.expect(names, ENDS[self.journey], self.length() - 1)
        self.check_effects()

    def check_effects(self):
        """No effect twice, the money taken once, and nothing of ours at the connector."""
        made = self.world.effects(self.session)
        ids = [(call["method"], call["merchant_id"]) for call in made]
        assert len(ids) == len(set(ids)), f"a second effect: {made}"
        known = {call["merchant_id"]: call["state"] for call in self.look()["gateway_calls"]}
        assert set(known) >= {call["merchant_id"] for call in made}, f"an effect that the session does not know: {known}, {made}"
        nowhere = [name for name, state in known.items() if state.endswith("ANSWERED") and name not in [call["merchant_id"] for call in made]]
        assert not nowhere, f"answers of nobody: {nowhere}"
        paid = [call for call in made if call["method"].endswith(PAYMENT_METHODS) and self.world.is_paid(call)]
        assert len(paid) == 1, f"{self.journey}: {len(paid)} payments: {made}"
        for call in made:
            if call["method"].endswith(PAYMENT_METHODS):
                assert call["token"] and not call["token"].startswith("sess_"), f"not the connector's token: {call}"
            if call["method"].endswith(("Capture", "Void")):
                assert call["id"].startswith("txn_"), f"not the connector's id of the payment: {call}"


class World:
    """The server, and the simulator of upstream's server that it calls."""

    def __init__(self, server, simulator):
        self.server, self.simulator, self.stopped = server, simulator, threading.Event()

    def pause(self):
        self.stopped.wait(0.05)

    def browse(self, path, form):
        """A browser's POST, which a shopper makes again where nobody answered."""
        def post():
            with contextlib.suppress(AssertionError):  # nobody is there
                status, _, _ = self.server.curl(path, "-X", "POST", data=form.encode(), headers=["content-type: application/x-www-form-urlencoded"])
                return status if status < 500 else None
        status = wait_until(post, "an answer to the browser")
        return "OK" if status == 303 else f"HTTP {status}"

    def calls(self, session):
        """All that the connector was asked for a session."""
        return [call for call in self.simulator.calls() if call["merchant_id"] == session or call["merchant_id"].startswith(f"{session}-")]

    def effects(self, session):
        return [call for call in self.calls(session) if call["method"] in EFFECTS]

    def is_paid(self, call):
        return call["means"] != "declined" and (call["means"] != "ideal" or call["merchant_id"] in self.simulator.confirmed())
