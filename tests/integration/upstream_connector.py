"""The connector behind the simulator of upstream's server (upstream_sim.py): what it was asked, and what it says to which means of payment.

A means of payment is found by its bytes, as sandboxes do by test cards:

    4000000000000101   3-D Secure without a challenge: PreAuthenticate, Authenticate; pays by what Authenticate told
    4000000000003220   3-D Secure with one: PostAuthenticate wants what the browser brought back, and pays by what that told. Paid without these
                       calls it sends the browser to the bank (ACS_URL in the environment), and is paid by the bank's word that it brings back
    4000000000000002   is declined
    4000000000000408   is charged, and the server answers "Timeout expired"
    ideal              sends the shopper to his bank; paid when he has confirmed there (confirm)
    apple_pay          is authorized, and waits for its capture
    any other          is charged

With a file, what was asked outlives the server's process: each call is a line of JSON that is written before anything comes of it.
"""
import base64
import json
import os
import uuid

from upstream_wire import Message, integer, secret, text

AUTHENTICATION_PENDING, AUTHENTICATION_SUCCESSFUL, AUTHORIZED, CHARGED, VOIDED, FAILURE = 4, 5, 6, 8, 11, 21  # PaymentStatus
REFUND_SUCCESS = 4  # RefundStatus
SERVICE, AUTHENTICATION = "/types.PaymentService/", "/types.PaymentMethodAuthenticationService/"
# Where a method has its id, amount, session token; and in its answer: ids, status, code, raw answer, raw request.
METHODS = {
    SERVICE + "Authorize": {"id": 1, "amount": 2, "token": 17, "answer": (1, 2, 3, 5, 11, 12), "status": CHARGED},
    SERVICE + "Get": {"id": 1, "amount": 6, "token": None, "answer": (None, 1, 2, 4, None, 25), "status": CHARGED},
    SERVICE + "Capture": {"id": 2, "amount": 3, "token": None, "answer": (None, 1, 2, 4, 16, 8), "status": CHARGED},
    SERVICE + "Void": {"id": 2, "amount": None, "token": None, "answer": (None, 1, 2, 4, 13, 8), "status": VOIDED},
    SERVICE + "Refund": {"id": 1, "amount": 4, "token": None, "answer": (1, 2, 3, None, 21, 22), "status": REFUND_SUCCESS},
    "/types.RefundService/Get": {"id": 1, "amount": None, "token": None, "answer": (1, 2, 3, None, 21, 22), "status": REFUND_SUCCESS},
    SERVICE + "SetupRecurring": {"id": 17, "amount": 2, "token": 14, "answer": (None, 1, 2, 4, 18, 14), "status": CHARGED},
    "/types.CompositePaymentService/Authorize": {"id": 1, "amount": 7, "token": 18, "answer": (1, 2, 3, 5, 11, 12), "status": CHARGED},
    AUTHENTICATION + "PreAuthenticate": {"id": 1, "amount": 2, "token": None, "answer": (None, 1, 2, 4, 11, None), "status": AUTHENTICATION_PENDING},
    AUTHENTICATION + "Authenticate": {"id": 1, "amount": 2, "token": None, "answer": (None, 1, 2, 4, 12, None), "status": AUTHENTICATION_PENDING},
    AUTHENTICATION + "PostAuthenticate": {"id": 1, "amount": 2, "token": None, "answer": (None, 1, 2, 4, 13, None), "status": AUTHENTICATION_SUCCESSFUL},
}
PAYMENTS = ("PaymentService/Authorize", "PaymentService/SetupRecurring")  # as a path ends
FRICTIONLESS, CHALLENGED, DECLINED, TIMED_OUT = "4000000000000101", "4000000000003220", "4000000000000002", "4000000000000408"
CAVV = "AAABBEg0VhI0VniQEjRWAAAAAAA="
ACS = os.environ.get("ACS_URL", "https://acs.example/challenge")


class Refusal(Exception):
    """(grpc status, message) by which the server refuses: the connector was asked nothing, or has nothing to tell."""


def means_of(path, message, body):
    """The word for the means of payment in a request."""
    words = {FRICTIONLESS: "frictionless", CHALLENGED: "challenge", DECLINED: "declined", TIMED_OUT: "timed out"}
    for number, word in words.items():
        if number.encode() in body:
            return word
    if path != SERVICE + "Authorize":
        return "card"
    method = message.message(5)
    return "ideal" if method.has(49) else "apple_pay" if method.has(10) else "card"


class Book:
    """Connector calls: what a real one would have been asked. path: of the file, which an earlier life of the server may have begun."""

    def __init__(self, path=None):
        self.calls, self.confirmed = [], set()
        for line in open(path) if path and os.path.exists(path) else ():
            self.replay(json.loads(line))
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None

    def replay(self, line):
        if "call" in line:
            self.calls.append(line["call"])
        elif "confirmed" in line:
            self.confirmed.add(line["confirmed"])
        else:
            self.calls[line["aborted"]]["state"] = "aborted"

    def keep(self, **line):
        if self.file is not None:
            os.write(self.file, (json.dumps(line) + "\n").encode())

    def begin(self, path, message, connector, body=b""):
        method = METHODS[path]
        amount = message.message(method["amount"]) if method["amount"] else Message(b"")
        call = {"method": path, "id": message.text(method["id"]), "merchant_id": message.text(1), "connector": connector,
                "minor_amount": amount.integer(1), "currency": amount.integer(2),
                "token": message.text(method["token"]) if method["token"] else "", "means": means_of(path, message, body), "state": "made"}
        self.calls.append(call)
        self.keep(call=call)
        return call

    def abort(self, call):
        call["state"] = "aborted"
        self.keep(aborted=self.calls.index(call))

    def confirm(self, merchant_id):
        """The shopper has confirmed this payment at his bank."""
        self.confirmed.add(merchant_id)
        self.keep(confirmed=merchant_id)

    def payment(self, merchant_id):
        """The first call by which this payment was asked for; None: the connector knows of none."""
        return next((call for call in self.calls if call["merchant_id"] == merchant_id and call["method"].endswith(PAYMENTS)), None)

    def after(self, payment, name):
        """The calls of that method that were made of this payment."""
        return [call for call in self.calls if call["method"] == SERVICE + name and call["state"] == "made" and call["id"] == f"txn_{payment['merchant_id']}"]


# ---- what the connector says: (status, more fields of the answer)

def form(number, endpoint, fields=None):
    return text(number, text(1, text(1, endpoint) + integer(2, 2) + b"".join(text(3, text(1, name) + text(2, value)) for name, value in (fields or {}).items())))


def authentication(number):
    return text(number, text(1, "05") + text(2, CAVV))


def authenticated(message, number):
    return message.message(number).text(2) == CAVV


def returned(message, number):
    """Did the browser bring something back?"""
    return bool(message.message(number).text(1)) or message.message(number).has(2)


def challenge(message):
    """What the browser has to post to the bank."""
    creq = {"messageType": "CReq", "messageVersion": "2.2.0", "threeDSServerTransID": str(uuid.uuid5(uuid.NAMESPACE_OID, message.text(1))),
            "challengeWindowSize": "05"}
    amount = message.message(2).integer(1)
    return form(7, ACS, {"creq": base64.urlsafe_b64encode(json.dumps(creq).encode()).rstrip(b"=").decode(), "termUrl": message.text(14),
                         "threeDSSessionData": message.text(1), "merchantName": message.text(19), "purchase": f"{amount // 100}.{amount % 100:02}"})


def bank_says(message, number):
    """transStatus of the bank's answer, if the browser has brought one; else ""."""
    for entry in message.message(number).messages(2):
        if entry.text(1) == "cres":
            try:
                return json.loads(base64.urlsafe_b64decode(entry.text(2) + "=="))["transStatus"]
            except (ValueError, KeyError):
                return ""
    return ""


def pre_authenticate(_book, message, _means):
    return AUTHENTICATION_PENDING, form(6, "https://acs.example/method") + secret(9, json.dumps({"operation": message.text(1)}))


def want_operation(message, number):
    if json.dumps({"operation": message.text(1)}) != message.message(number).text(1):
        raise Refusal(3, "Missing required field: connector_feature_data")


def authenticate(_book, message, means):
    want_operation(message, 8)
    if means == "challenge":
        return AUTHENTICATION_PENDING, form(6, ACS) + secret(10, json.dumps({"operation": message.text(1)}))
    return AUTHENTICATION_SUCCESSFUL, authentication(9)


def post_authenticate(_book, message, _means):
    want_operation(message, 9)
    if not returned(message, 14):
        raise Refusal(3, "Missing required field: redirection_response")
    return AUTHENTICATION_SUCCESSFUL, authentication(9)


def declined(code):
    return FAILURE, text(4, text(3, text(1, code) + text(2, "declined")))


def authorize(_book, message, means):
    if means == "declined":
        return declined("05")
    if means == "challenge" and not message.has(11) and not message.has(13):
        if not returned(message, 40):
            return AUTHENTICATION_PENDING, challenge(message)
        return (CHARGED, b"") if bank_says(message, 40) == "Y" else declined("65")
    if means in ("frictionless", "challenge") and not authenticated(message, 11):
        return declined("65")
    if means == "ideal" and not returned(message, 40):
        return AUTHENTICATION_PENDING, text(7, text(3, text(1, "https://bank.example/confirm")))
    return (AUTHORIZED if means == "apple_pay" else CHARGED), b""


def get(book, message, _means):
    call = book.payment(message.text(1))
    if call is None:
        raise Refusal(5, "no such payment")
    if book.after(call, "Void"):
        return VOIDED, b""
    captures = book.after(call, "Capture")
    if captures:
        return CHARGED, integer(9, sum(capture["minor_amount"] for capture in captures))
    if call["means"] == "ideal":
        return (CHARGED if call["merchant_id"] in book.confirmed else AUTHENTICATION_PENDING), b""
    return {"declined": FAILURE, "apple_pay": AUTHORIZED}.get(call["means"], CHARGED), b""


def get_refund(book, message, _means):
    if not any(call["merchant_id"] == message.text(1) for call in book.calls if call["method"] == SERVICE + "Refund" and call["state"] == "made"):
        raise Refusal(5, "no such refund")
    return REFUND_SUCCESS, b""


SAYS = {AUTHENTICATION + "PreAuthenticate": pre_authenticate, AUTHENTICATION + "Authenticate": authenticate,
        AUTHENTICATION + "PostAuthenticate": post_authenticate, SERVICE + "Authorize": authorize, SERVICE + "Get": get,
        "/types.RefundService/Get": get_refund}


def say(book, path, message, call):
    """(status, more fields). Refusal: it says nothing."""
    says = SAYS.get(path)
    return says(book, message, call["means"]) if says else (METHODS[path]["status"], b"")
