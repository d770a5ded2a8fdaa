"""One whole 3-D Secure payment by gRPC: what a shop's server does, from the first call to the end.

    PYTHONPATH=gen python pay.py [ORDER_ID]

SESSIOND names the server (127.0.0.1:8080), BANK the bank's challenge page (the sandbox's simulator: http://127.0.0.1:8090).
"""
import base64
import json
import os
import sys
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import shopper
from payment_types import merchant_authentication_pb2 as creating, merchant_authentication_pb2_grpc
from sessiond.v1 import session_pb2 as v1, session_pb2_grpc

SESSIOND = os.environ.get("SESSIOND", "127.0.0.1:8080")
BANK = os.environ.get("BANK", "http://127.0.0.1:8090")
SHOP = "http://localhost:3000"  # where the browser comes back to; the sandbox takes any address of this machine

# Whose account at which connector pays. A shop with one account sends the same two headers with every create.
CONNECTOR = [
    ("x-connector", "stripe"),
    ("x-connector-config", json.dumps({"config": {"Stripe": {"api_key": "sk_test_x"}}})),
]

# Every call may be repeated: creates are known by merchant_session_id, all others by their event_id. So the library may do it. An
# answer that was lost (the connection broke, the worker was replaced) is UNAVAILABLE; where the server wants a pause it says how
# long (grpc-retry-pushback-ms), and the library keeps to it.
RETRIES = json.dumps({"methodConfig": [{
    "name": [{}],
    "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"]},
}]})
DEADLINE = 20  # seconds, all attempts of one call together


class Payment:
    """One order's session. The token is the right to go on with it: it stays on the server."""

    def __init__(self, channel, order_id):
        self.creator = merchant_authentication_pb2_grpc.MerchantAuthenticationServiceStub(channel)
        self.sessions = session_pb2_grpc.SessionServiceStub(channel)
        self.order_id = order_id
        self.token = ""

    def create(self, amount, currency, browser):
        request = creating.MerchantAuthenticationServiceCreateSessionTokenRequest(
            merchant_session_id=self.order_id,
            amount={"minor_amount": amount, "currency": currency},
            browser_info=browser,  # the session is bound to it
            test_mode=True)
        answer, call = self.creator.CreateSessionToken.with_call(request, metadata=CONNECTOR, timeout=DEADLINE)
        if answer.HasField("error"):  # the connector's no is an answer; ours is a gRPC status
            raise SystemExit(f"the connector refused: {answer.error.unified_details.message}")
        self.token = answer.session_token
        replayed = ("x-session-replayed", "true") in call.initial_metadata()
        print(f"created    {self.order_id}" + (" (it was there already: an earlier answer was lost)" if replayed else ""))

    def begin_challenge(self):
        """A single-use handle, and the address at which the bank gives the browser back."""
        return self._call(self.sessions.BeginStep, v1.BeginStepRequest(
            **self._key(),
            name="three_ds_challenge",
            return_url=f"{SHOP}/orders/{self.order_id}",
            event_id=f"challenge-{self.order_id}"))  # the same id again: the same step, not a second one

    def look(self, browser):
        """The session as it is; the browser that has come back must be the one that left."""
        answer = self._call(self.sessions.GetSession, v1.GetSessionRequest(**self._key(), browser_info=browser))
        return answer.session

    def tell(self, event):
        name = v1.SessionEvent.Name(event)
        answer = self._call(self.sessions.AdvanceSession, v1.AdvanceSessionRequest(
            **self._key(), event=event, event_id=f"{name}-{self.order_id}"))
        print(f"told       {name}: {v1.EventOutcome.Name(answer.outcome)}")
        return answer.session

    def _key(self):
        return {"session_token": self.token, "merchant_session_id": self.order_id, "test_mode": True}

    def _call(self, method, request):
        answer = method(request, timeout=DEADLINE)
        # Some calls hand out a newer token (a passed challenge does); the older one is refused sooner or later.
        self.token = getattr(answer, "session_token", "") or self.token
        return answer


def challenge_form(order_id, begun):
    """What the shop's page posts to the bank, with the shopper's browser."""
    creq = {"messageType": "CReq", "messageVersion": "2.2.0", "challengeWindowSize": "05",
            "threeDSServerTransID": begun.session.session_id, "acsTransID": begun.session.session_id}
    return {
        "creq": base64.urlsafe_b64encode(json.dumps(creq).encode()).rstrip(b"=").decode(),
        "threeDSSessionData": begun.step_handle,
        "termUrl": begun.return_url,
        "merchantName": "Lakeside Outfitters",
        "purchase": f"order {order_id}",
    }


def challenge_passed(session):
    """The bank's word as the browser brought it. A real shop lets its connector judge it."""
    cres = session.redirect_result.payload.get("cres", "e30")  # e30: {}
    return json.loads(base64.urlsafe_b64decode(cres + "=" * (-len(cres) % 4))).get("transStatus") == "Y"


def pay(payment):
    browser = {"user_agent": shopper.USER_AGENT, "accept_language": "en"}  # of the shopper's request to the shop
    payment.create(12900, "EUR", browser)

    begun = payment.begin_challenge()
    print(f"sent away  the bank gives the browser back at {begun.return_url.rpartition('/')[0]}/..")
    back_at = shopper.confirm(f"{BANK}/acs/challenge", challenge_form(payment.order_id, begun), code="1234")
    print(f"came back  to {back_at}")

    session = payment.look(browser)
    if session.status != v1.SESSION_STATUS_RETURNED or not challenge_passed(session):
        return payment.tell(v1.SESSION_EVENT_FAILED)
    payment.tell(v1.SESSION_EVENT_CHALLENGE_PASSED)
    payment.tell(v1.SESSION_EVENT_PROCESSING_STARTED)
    # Here a real shop asks the connector to pay, under an idempotency key of the order's.
    payment.tell(v1.SESSION_EVENT_COMPLETED)
    return payment.look(browser)


def reason(error):
    """Errors carry google.rpc details: ErrorInfo has the reason, a word that never changes (the message may)."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status else []:
        if detail.Unpack(info):
            return " ".join([info.reason, *(f"{key}={value}" for key, value in info.metadata.items())])
    return "no reason"


def main():
    order_id = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
    with grpc.insecure_channel(SESSIOND, options=[("grpc.service_config", RETRIES)]) as channel:
        try:
            session = pay(Payment(channel, order_id))
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name} ({reason(error)}): {error.details()}")
    print(f"ended      {v1.SessionStatus.Name(session.status)}")


if __name__ == "__main__":
    main()
