"""The documented call, by clients that know nothing of us but the address (issue: the documented call)."""
import json
import subprocess
import unittest

from harness import BUF, CREATE, CREATE_NEW, ROUTE, STRIPE, ServerCase, claims, create_dict, create_request, unique


class DocumentedCall(ServerCase):
    def buf(self, path, value, *args):
        headers = self.server.log_path.parent / "headers.txt"
        headers.write_text(f"x-connector-config: {STRIPE}\n")
        return subprocess.run([BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "-H", "x-connector: stripe",
                               "-H", f"@{headers}", "-d", json.dumps(value), *args, f"http://{self.server.next().address}{path}"],
                              capture_output=True, text=True, timeout=120, check=False)

    def assert_success(self, answer):
        self.assertEqual(answer.pop("status_code"), 200)
        token = answer.pop("session_token")
        self.assertEqual(answer, {})
        self.assertTrue(token.startswith("sess_v4."))
        return claims(token)

    def test_buf_curl_with_reflection_only(self):
        done = self.buf(CREATE, create_dict(session := unique()))
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer.get("statusCode"), 200)
        got = claims(answer["sessionToken"])
        self.assertEqual((got["amt"], got["cur"], got["con"], got["test"], got["gen"]), (10000, "USD", "stripe", True, 1))
        self.assertNotIn(session, json.dumps(got))

    def test_curl_http1(self):
        status, headers, answer = self.server.post_json(CREATE, create_dict(unique()), "--http1.1")
        self.assertEqual(status, 200)
        self.assertEqual(headers["content-type"], "application/json")
        self.assertIn("x-request-id", headers)
        self.assert_success(answer)

    def test_curl_http2_prior_knowledge(self):
        status, _, answer = self.server.post_json(CREATE, create_dict(unique()), "--http2-prior-knowledge")
        self.assertEqual(status, 200)
        self.assert_success(answer)

    def test_payments_route(self):
        status, _, answer = self.server.post_json(ROUTE, create_dict(unique()))
        self.assertEqual(status, 200)
        self.assert_success(answer)

    def test_generated_client(self):
        answer, _ = self.server.call(create_request(unique()))
        self.assertEqual(answer.status_code, 200)
        self.assertFalse(answer.HasField("error"))
        self.assertTrue(answer.session_token.startswith("sess_"))

    def test_newer_name_has_its_own_message_on_the_same_core(self):
        session = unique()
        old, _ = self.server.call(create_request(session))
        new, call = self.server.call(create_request(session, path=CREATE_NEW), path=CREATE_NEW)
        self.assertEqual(new.status_code, 200)
        # The same natural key and payload: the same session, told so.
        self.assertEqual(claims(new.session_token)["jti"], claims(old.session_token)["jti"])
        self.assertIn(("x-session-replayed", "true"), [tuple(pair) for pair in call.initial_metadata()])

    def test_newer_name_by_buf(self):
        done = self.buf(CREATE_NEW, {"merchant_server_session_id": unique(), "test_mode": True,
                                     "payment": {"amount": {"minor_amount": 1, "currency": "EUR"}}})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(claims(json.loads(done.stdout)["sessionToken"])["cur"], "EUR")

    def test_both_key_spellings_and_both_secret_forms(self):
        for value in ({"merchantSessionId": unique(), "amount": {"minorAmount": "10000", "currency": "USD"}, "testMode": True},
                      {"merchant_session_id": unique(), "amount": {"minor_amount": 10000, "currency": 146},
                       "metadata": {"value": "m"}, "test_mode": True},
                      {"merchant_session_id": unique(), "amount": {"minor_amount": 10000, "currency": "USD"}, "metadata": "m", "test_mode": True}):
            for path in (CREATE, ROUTE):
                status, _, answer = self.server.post_json(path, value)
                self.assertEqual(status, 200, answer)
                self.assertTrue(answer["session_token"], answer)


if __name__ == "__main__":
    unittest.main()
