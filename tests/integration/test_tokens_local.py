"""token.purpose: local. Nobody outside reads or verifies such a token; with it a session is continued as with a public one, at every door, and both
kinds are taken while a server changes from one to the other. What is encrypted is read here by a second implementation (token_claims.py)."""
import base64
import json
import pathlib
import signal
import subprocess
import tempfile
import unittest

import grpc

import test_continuation
import test_keys
from harness import BUILD, PATIENCE, Server, claims, create_request, initial_metadata, status_details, unique, wait_until
from session_service import EXACT, SessionCase, Sessions, refusal, status_name
from token_claims import encode, local_keys, other_kind, parts

LOCAL = "token:\n  purpose: local\n"


def inspect(data, token):
    done = subprocess.run([BUILD / "sessiondctl", "--data", data, "token", "inspect"], input=token, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def altered(token):
    """name -> the token with something wrong in it, all of them still of its form."""
    head, body, footer = token.rsplit(".", 2)
    raw = parts(token)[1]
    bad = {}
    for at in (0, 31, 32, len(raw) // 2, len(raw) - 33, len(raw) - 32, len(raw) - 1):
        one = bytearray(raw)
        one[at] ^= 1
        bad[f"byte {at}"] = f"{head}.{encode(one)}.{footer}"
    for name, short in (("end", raw[:-1]), ("begin", raw[1:]), ("MAC", raw[:-32]), ("nonce", raw[32:]), ("all but 63 bytes", raw[:63]), ("all", b"")):
        bad[f"cut: {name}"] = f"{head}.{encode(short)}.{footer}"
    bad["MAC twice"] = f"{head}.{encode(raw + raw[-32:])}.{footer}"
    bad["no footer"] = f"{head}.{body}"
    bad["unknown key"] = f"{head}.{body}.{encode(json.dumps({'kid': 'k4.lid.' + encode(bytes(33))}, separators=(',', ':')).encode())}"
    bad["footer that is no JSON"] = f"{head}.{body}.{encode(b'x' * 61)}"
    bad["public header"] = other_kind(token)
    return bad


class Local(SessionCase):
    server_options = {"workers": 2, "config": test_continuation.CONFIG + test_keys.CONFIG + LOCAL}

    def test_nothing_in_it_can_be_read(self):
        session = unique()
        token = self.client.create(session, headers=[("x-merchant-id", "m-7")])
        self.assertTrue(token.startswith("sess_v4.local."))
        _, body, footer = parts(token)
        self.assertNotRegex(body.decode("latin-1"), "m-7|USD|iss|adyen")
        self.assertRegex(footer, rb'^\{"kid":"k4\.lid\.[A-Za-z0-9_-]{44}"\}$')
        got = claims(token)
        self.assertEqual((got["sub"], got["con"], got["amt"], got["cur"], got["gen"], got["test"]), ("m-7", "adyen", 10000, "USD", 1, True))
        self.assertNotIn(body[-30:].hex(), self.server.log())
        self.assertNotIn(token[-200:-90], self.server.log())

    def test_its_key_is_told_to_nobody(self):
        status, _, body = self.server.curl("/.well-known/paseto-keys")
        self.assertEqual(status, 200)
        self.assertNotIn(b"k4.lid", body)
        self.assertNotIn(b"k4.local", body)
        listed = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, "--json", "keys", "list"], capture_output=True, text=True,
                                timeout=PATIENCE, check=True).stdout
        keys = local_keys(pathlib.Path(self.server.data, "keys"))
        self.assertEqual(len(keys), 2)
        for key, _ in keys.values():
            self.assertNotIn(encode(key), listed + body.decode())

    def test_the_same_call_again_is_the_same_session_by_another_text(self):
        session = unique()
        first = self.client.create(session)
        answer, got = self.server.call(create_request(session), EXACT)
        self.assertEqual(initial_metadata(got).get("x-session-replayed"), "true")
        self.assertNotEqual(answer.session_token, first)
        self.assertEqual(claims(answer.session_token), claims(first))
        for token in (first, answer.session_token):
            for got in self.everywhere(lambda client, token=token: client.get(token, session)):
                self.assertEqual(got.merchant_session_id, session)

    def test_every_door_takes_it(self):
        session = unique()
        token = self.client.create(session)
        question = {"session_token": token, "merchant_session_id": session, "test_mode": True}
        status, _, answer = self.server.post_json("/sessiond.v1.SessionService/GetSession", question)
        self.assertEqual(status, 200, answer)
        self.assertIn(session, json.dumps(answer))
        message = base64.urlsafe_b64encode(json.dumps(question).encode()).decode()
        status, _, body = self.server.curl(f"/sessiond.v1.SessionService/GetSession?connect=v1&encoding=json&base64=1&message={message}")
        self.assertEqual(status, 200, body)
        self.assertIn(session.encode(), body)
        envelope = b"\0" + len(text := json.dumps(question).encode()).to_bytes(4, "big") + text
        for media, method in (("application/grpc-web+json", "GetSession"), ("application/connect+json", "WatchSession")):
            with subprocess.Popen(["curl", "-sN", "--http2-prior-knowledge", "-H", f"content-type: {media}", "--data-binary", "@-",
                                   f"http://{self.server.address}/sessiond.v1.SessionService/{method}"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as curl:
                curl.stdin.write(envelope)
                curl.stdin.close()
                head = curl.stdout.read(5)  # a watch goes on: its first message is enough
                self.assertIn(session.encode(), curl.stdout.read(int.from_bytes(head[1:], "big")))
                curl.kill()

    def test_a_payment_with_a_challenge(self):
        session, token = self.begin()
        step = self.client.begin(token, session, return_url="https://shop.example/done", event_id="e1")
        status, _, _ = self.server.curl(f"/r/{step.step_handle}", "-X", "POST", data=b"cres=x")
        self.assertIn(status, (200, 303))
        passed = self.client.advance(token, session, "CHALLENGE_PASSED", event_id="e2")
        self.assertEqual(claims(passed.session_token)["gen"], 2)
        fresh = passed.session_token
        self.assertTrue(fresh.startswith("sess_v4.local."))
        updated = self.client.update(fresh, session, amount={"minor_amount": 5000, "currency": "USD"}).session_token
        self.assertEqual((claims(updated)["gen"], claims(updated)["amt"]), (3, 5000))
        self.assertEqual(status_name(self.client.get(updated, session)), "OPEN")

    def test_what_is_wrong_with_it_is_told_in_the_same_words(self):
        session, token = self.begin()
        public = Server(workers=1, config=test_continuation.CONFIG + "token:\n  purpose: public\n").start()
        self.addCleanup(public.cleanup)
        client = Sessions(public.address)
        self.addCleanup(client.close)
        other = client.create(session)
        bad = altered(token)
        bad["of another server"] = other
        told = {name: refusal_in_full(self.client, one, session) for name, one in bad.items()}
        head, body, footer = other.rsplit(".", 2)
        wanted = refusal_in_full(client, f"{head}.{'B' if body[0] == 'A' else 'A'}{body[1:]}.{footer}", session)
        self.assertEqual(wanted[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        self.assertEqual({name: words for name, words in told.items() if words != wanted}, {})
        self.assertEqual(refusal_in_full(client, token, session), wanted)
        self.client.get(token, session)
        public.stop()

    def test_test_and_live_are_told_apart(self):
        session, token = self.begin()
        code, why, info = refusal(self.client.get, token, session, test_mode=None)
        self.assertEqual((code, why, info.get("differing")), ("PERMISSION_DENIED", "TOKEN_MISMATCH", "test_mode"))
        live = self.client.create(other := unique(), test_mode=False)
        self.assertFalse(self.client.get(live, other, test_mode=None).test_mode)

    def test_an_operator_reads_it_where_the_keys_are(self):
        _, token = self.begin()
        code, told, _ = inspect(self.server.data, token)
        self.assertEqual((code, told["verification"], told["key_state"], told["claims"]), (0, "accepted", "active", claims(token)))
        kid = json.loads(parts(token)[2])["kid"]
        self.assertEqual((told["kid"], told["key"]), (kid, local_keys(pathlib.Path(self.server.data, "keys"))[kid][1]))
        for name, one in altered(token).items():
            code, told, said = inspect(self.server.data, one)
            self.assertEqual((code, told["verification"]), (1, "refused"), name)
            self.assertNotIn("m-7", json.dumps(told) + said)
        with tempfile.TemporaryDirectory() as nowhere:
            code, told, said = inspect(nowhere, token)
        self.assertEqual((code, told), (1, None))
        self.assertIn("read by the keys of the server that made it", said)
        self.assertNotIn(token[-200:-90], said)


def refusal_in_full(client, token, session):
    """Everything that a caller sees of it, but the request's id."""
    try:
        client.get(token, session)
    except grpc.RpcError as error:
        code, why, info = refusal(client.get, token, session)
        details = {name: str(detail).replace(info.get("request_id", "-"), "") for name, detail in status_details(error)[1].items()
                   if name != "google.rpc.RequestInfo"}
        return code, why, error.details(), details
    raise AssertionError("accepted")


class Expiry(test_continuation.Expiry):
    server_options = {"workers": 2, "config": test_continuation.Expiry.server_options["config"] + LOCAL}


class Tokens(test_continuation.WrongTokens):
    server_options = {"workers": 3, "config": test_continuation.CONFIG + LOCAL}


class Change(unittest.TestCase):
    """SIGHUP from one kind to the other and back, under calls."""

    def reload(self, purpose):
        path = pathlib.Path(self.server.temporary) / "config.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(path.read_text().replace(f"purpose: {self.purpose}", f"purpose: {purpose}"))
        fresh.rename(path)
        self.purpose = purpose
        self.server.tell(signal.SIGHUP, "reloaded")

    def test_both_kinds_are_taken_before_while_and_after(self):
        self.purpose = "public"
        self.server = Server(workers=2, sandbox=False, config=test_keys.CONFIG + "token:\n  purpose: public\n").start()
        self.addCleanup(self.server.cleanup)
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        shoppers = test_keys.Shoppers(self.server)
        made = {}  # session -> its first token
        try:
            for purpose in ("public", "local", "public"):
                if purpose != self.purpose:
                    self.reload(purpose)
                made[session] = client.create(session := unique())
                self.assertEqual(parts(made[session])[0], purpose)
                before = len(shoppers.payments)
                wait_until(lambda before=before: len(shoppers.payments) > before + test_keys.SHOPPERS, "payments of this kind")
                for other, token in made.items():  # continued with what it began with, and given what is made today
                    client.get(token, other)
                    answer, got = self.server.call(create_request(other), EXACT)
                    self.assertEqual(initial_metadata(got).get("x-session-replayed"), "true")
                    self.assertEqual(parts(answer.session_token)[0], purpose)
                    client.get(answer.session_token, other)
        finally:
            shoppers.stop()
        for payment in shoppers.payments:
            shoppers.visit(client, payment)
        self.assertEqual(shoppers.refused, [])
        self.assertEqual({parts(payment[1])[0] for payment in shoppers.payments}, {"public", "local"})
        self.server.stop()

    def test_a_revoked_signing_key_takes_its_local_tokens_along(self):
        self.purpose = "local"
        self.server = Server(workers=1, sandbox=False, config=LOCAL).start()
        self.addCleanup(self.server.cleanup)
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        old = client.create(session := unique())
        key = inspect(self.server.data, old)[1]["key"]
        fresh = test_keys.ctl(self.server.data, "keys", "generate", "--test").stdout.split()[0]
        self.reload("local")
        self.assertEqual(test_keys.ctl(self.server.data, "keys", "activate", fresh).returncode, 0)
        self.reload("local")
        client.get(old, session)
        token = client.create(another := unique())
        self.assertNotEqual(parts(token)[2], parts(old)[2])
        self.assertEqual(inspect(self.server.data, old)[1]["key_state"], "verify-only")
        self.assertEqual(test_keys.ctl(self.server.data, "keys", "revoke", key).returncode, 0)
        self.reload("local")
        self.assertEqual(refusal(client.get, old, session)[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        client.get(token, another)
        self.assertEqual(inspect(self.server.data, old)[1]["verification"], "refused")
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
