"""Payments of every kind that a data directory can hold, made through one server and found again through another: what a change of
version must not lose. What is kept of them is JSON, so that it can lie beside a data directory that another version made."""
import urllib.error
import urllib.request

from harness import PATIENCE, create_request, initial_metadata, unique
from session_service import EXACT, Sessions, outcome_name, refusal, status_name

CONFIG = 'session:\n  ttl_seconds: 604800\n  step_seconds: 86400\nredirect:\n  return_urls: ["* https://shop.example"]\n'
RETURN_URL = "https://shop.example/done"


def make(server):
    """One payment of each kind: {kind: {session, token, status, handle}}."""
    client, kept = Sessions(server.address), {}

    def payment(kind, status, session=None, **fields):
        kept[kind] = {"session": session, "status": status, **fields}

    def begun():
        session = unique("kept")
        return session, client.create(session)

    session, token = begun()
    payment("open", "OPEN", session, token=token)
    session = unique("kept")
    state = {"access_token": {"token": {"value": "kept-token"}, "expires_in_seconds": 3600}}
    payment("with state", "OPEN", session, token=client.create(session, metadata={"value": '{"order":"42"}'}, state=state))
    session, token = begun()
    step = client.begin(token, session, return_url=RETURN_URL)
    payment("in a step", "REDIRECTED", session, token=token, handle=step.step_handle)
    session, token = begun()
    client.advance(token, session, "PROCESSING_STARTED", event_id="kept-1")
    payment("processing", "PROCESSING", session, token=token)
    for kind, event in (("completed", "COMPLETED"), ("failed", "FAILED")):
        session, token = begun()
        client.advance(token, session, "PROCESSING_STARTED", event_id="kept-2")
        client.advance(token, session, event, event_id="kept-3")
        payment(kind, kind.upper(), session, token=token)
    session, token = begun()
    client.revoke(token, session)
    payment("revoked", "REVOKED", session, token=token)
    session = unique("kept")  # an event that came before its session
    assert outcome_name(client.advance(None, session, "PROCESSING_STARTED", event_id="kept-4")) == "KEPT"
    payment("early", "PROCESSING", session)
    client.close()
    return kept


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def come_back(server, handle):
    """The status of a browser's return."""
    request = urllib.request.Request(f"http://{server.next().address}/r/{handle}", data=b"cres=passed")
    try:
        return urllib.request.build_opener(NoRedirect).open(request, timeout=PATIENCE).status
    except urllib.error.HTTPError as error:
        return error.code


def check(test, server, kept):
    """All of it is there; nothing is changed by looking."""
    client = Sessions(server.address)
    for kind, payment in kept.items():
        if "token" not in payment:
            continue
        with test.subTest(kind):
            if payment["status"] == "REVOKED":
                test.assertEqual(refusal(client.get, payment["token"], payment["session"])[1], "SESSION_REVOKED")
                continue
            found = client.get(payment["token"], payment["session"])
            test.assertEqual((found.merchant_session_id, status_name(found)), (payment["session"], payment["status"]))
            if kind == "with state":
                test.assertEqual(found.state.access_token.token.value, "kept-token")
    answer, call = server.call(create_request(kept["open"]["session"]), EXACT)
    test.assertEqual((answer.status_code, initial_metadata(call).get("x-session-replayed")), (200, "true"))
    client.close()


def go_on(test, server, kept):
    """Each goes on from where it was, once."""
    client = Sessions(server.address)
    step = kept["in a step"]
    test.assertEqual(come_back(server, step["handle"]), 303)
    step["status"] = status_name(client.get(step["token"], step["session"]))
    test.assertEqual(step["status"], "RETURNED")
    processing = kept["processing"]
    test.assertEqual(outcome_name(client.advance(processing["token"], processing["session"], "PROCESSING_STARTED", event_id="kept-1")), "DUPLICATE")
    client.advance(processing["token"], processing["session"], "COMPLETED", event_id="kept-5")
    processing["status"] = "COMPLETED"
    early = kept["early"]
    early["token"] = client.create(early["session"])
    test.assertEqual(status_name(client.get(early["token"], early["session"])), "PROCESSING")
    client.close()
    check(test, server, kept)
