"""Payments against several sessiond machines, each call at another one than the call before, and what must be found afterwards."""
import http.client
import itertools
import json
import secrets
import threading
import time

CREATE = "/types.MerchantAuthenticationService/CreateSessionToken"
SERVICE = "/sessiond.v1.SessionService/"
HEADERS = {"content-type": "application/json", "x-connector": "adyen",
           "x-connector-config": '{"config":{"Adyen":{"api_key":"trial","merchant_account":"trial"}}}'}
STEPS = ("AUTHENTICATION_STARTED", "CHALLENGE_PASSED", "PROCESSING_STARTED", "COMPLETED")
STATUS_AFTER = {"created": "OPEN", "AUTHENTICATION_STARTED": "AUTHENTICATING", "CHALLENGE_PASSED": "OPEN", "PROCESSING_STARTED": "PROCESSING",
                "COMPLETED": "COMPLETED"}
CALL_SECONDS = 30
PATIENCE_SECONDS = 300  # of one call with its repetitions: a database that does not come back
PAUSE_SECONDS = 0.1
# What the same call again settles: nobody knows, or not now.
PASSES = ("unavailable", "aborted", "deadline_exceeded", "resource_exhausted")


class Refused(Exception):
    """An answer that repeating does not change."""


class Payment:
    """What its merchant knows of it: the last thing that was acknowledged."""

    def __init__(self):
        self.id = "pay-" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(16))  # digits may look like a card's
        self.token, self.version, self.told = "", 0, ""

    def names(self):
        return {"session_token": self.token, "merchant_session_id": self.id, "test_mode": True}


class Client:
    """addresses: (host, port) of the machines. Counts what was acknowledged, and by which durability."""

    def __init__(self, addresses):
        self.addresses, self.turn = addresses, itertools.count()
        self.lock = threading.Lock()
        self.acknowledged, self.repeated, self.durabilities = 0, 0, set()

    def call(self, path, body):
        """The answer; repeated while it may help, by the next machine."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._once(path, body)
            except (OSError, http.client.HTTPException) as error:
                last = error
            if time.monotonic() > end:
                raise Refused(f"{path}: no answer in {PATIENCE_SECONDS} s: {last}")
            with self.lock:
                self.repeated += 1
            time.sleep(PAUSE_SECONDS)

    def _once(self, path, body):
        host, port = self.addresses[next(self.turn) % len(self.addresses)]
        connection = http.client.HTTPConnection(host, port, timeout=CALL_SECONDS)
        try:
            connection.request("POST", path, json.dumps(body), HEADERS)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except ValueError as error:
            raise http.client.HTTPException("the answer is cut off") from error
        finally:
            connection.close()
        if response.status != 200:
            if answer.get("code") in PASSES:
                raise http.client.HTTPException(f"{answer['code']}: {answer.get('message')}")
            raise Refused(f"{path}: {answer}")
        with self.lock:
            self.acknowledged += 1
            self.durabilities.add(response.headers["x-session-durability"])
        return answer

    # -- a payment

    def play(self, payment):
        answer = self.call(CREATE, {"merchant_session_id": payment.id, "amount": {"minor_amount": 4990, "currency": "EUR"}, "test_mode": True})
        payment.token, payment.told = answer["session_token"], "created"
        for step in STEPS:
            answer = self.call(SERVICE + "AdvanceSession", {**payment.names(), "event": "SESSION_EVENT_" + step, "event_id": f"{step}-{payment.id}"})
            payment.token = answer.get("session_token") or payment.token
            payment.version, payment.told = int(answer["session"]["version"]), step

    def check(self, payment):
        """What is wrong with it; "" if both machines know what was acknowledged."""
        if not payment.told:
            return ""
        for _ in self.addresses:
            try:
                session = self.call(SERVICE + "GetSession", payment.names())["session"]
            except Refused as error:
                return f"{payment.id}, {payment.told}: {error}"
            wanted = "SESSION_STATUS_" + STATUS_AFTER[payment.told]
            if session["status"] != wanted or int(session["version"]) < payment.version:
                return f"{payment.id}: {payment.told} was acknowledged as version {payment.version}, and it is {session['status']}, version {session['version']}"
        return ""

    # -- many payments

    def play_around(self, blow, threads, each, after):
        """So many payments at the same time, each thread's one behind the other; blow() when so many calls are acknowledged. What went wrong,
        and what of the acknowledged is not there at the end."""
        shares, troubles = [[Payment() for _ in range(each)] for _ in range(threads)], []

        def play(share):
            for payment in share:
                try:
                    self.play(payment)
                except (Refused, KeyError) as error:
                    troubles.append(f"{payment.id}, {payment.told or 'not acknowledged'}: {error}")
        running = [threading.Thread(target=play, args=(share,), daemon=True) for share in shares]
        for thread in running:
            thread.start()
        while self.acknowledged < after and any(thread.is_alive() for thread in running):
            time.sleep(0.01)
        blow()
        for thread in running:
            thread.join()
        troubles += filter(None, (self.check(payment) for share in shares for payment in share))
        if self.durabilities != {"replica"}:
            troubles.append(f"answers promised {self.durabilities}, and not replica alone")
        return troubles
