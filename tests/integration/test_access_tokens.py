"""Access tokens of connectors: one is shared by whoever names the same credentials, one call is in flight however many ask, it is answered
with what is left of its life, renewed before its end, and a refusal is told to those that waited for it."""
import concurrent.futures
import json
import os
import signal
import threading
import unittest

import access_tokens
from connector_servers import FakeConnector, Sim, details
from harness import PATIENCE, Server, ServerCase, reason, request_class, unique, wait_until

OLD = "/types.MerchantAuthenticationService/CreateAccessToken"
NEW = "/types.MerchantAuthenticationService/CreateServerAuthenticationToken"
SUCCESS, FAILURE = 1, 2
LIFE = 1000000  # seconds, of which a busy machine's own are a part that counts nowhere


def request(path=NEW, test_mode=True):
    return request_class(path)(test_mode=test_mode)


def ask(server, connector, path=NEW, more=(), **changes):
    answer, _ = server.call(request(path), [*access_tokens.metadata(connector, **changes), *more], path=path)
    return answer


def merchant():
    return ("x-merchant-id", unique())


class Connectors(ServerCase):
    server_options = {"workers": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sim = Sim(cls.server)

    def test_each_gives_one_that_is_shared(self):
        for connector in access_tokens.KEYS:
            with self.subTest(connector=connector):
                before = self.sim.requests()
                first = ask(self.server, connector)
                life = access_tokens.LIVES.get(connector, 1800)
                margin = min(30, life // 10)
                self.assertEqual((first.status, first.status_code, first.token_type), (SUCCESS, 200, access_tokens.TYPES[connector]))
                self.assertTrue(life - margin - 60 < first.expires_in_seconds <= life - margin, first.expires_in_seconds)
                self.assertEqual(first.HasField("token_type"), access_tokens.TYPES[connector] != "")
                self.assertFalse(first.HasField("error"))
                for path in (NEW, OLD):
                    again = ask(self.server, connector, path)
                    self.assertEqual(again.access_token.value, first.access_token.value)
                    self.assertLessEqual(again.expires_in_seconds, first.expires_in_seconds)
                self.assertEqual(self.sim.requests(), before + 1)

    def test_a_refusal_is_the_connectors(self):
        for connector, (code, message, why) in access_tokens.REFUSALS.items():
            with self.subTest(connector=connector):
                answer = ask(self.server, connector, **{access_tokens.WRONG[connector]: "wrong"})
                error = answer.error
                self.assertEqual((answer.status, answer.status_code, answer.access_token.value), (FAILURE, 401, ""))
                self.assertEqual(error.unified_details.code, "CONNECTOR_AUTH_FAILED")
                self.assertEqual((error.connector_details.code, error.connector_details.message, error.connector_details.reason),
                                 (code, message, why))

    def test_whoever_differs_has_another_one(self):
        first = ask(self.server, "getnet").access_token.value
        others = [ask(self.server, "getnet", more=[merchant()]), ask(self.server, "getnet", more=[("x-tenant-id", unique())]),
                  ask(self.server, "getnet", api_secret="another")]
        self.assertEqual(len({first, *(answer.access_token.value for answer in others)}), 4)

    def test_plain_json(self):
        headers = [f"{name}: {value}" for name, value in access_tokens.metadata("volt")]
        for path in ("/payments/create_access_token", "/payments/server_authentication_token"):
            status, _, answer = self.server.post_json(path, {"test_mode": True}, headers=headers)
            self.assertEqual((status, answer["status_code"]), (200, 200))
            self.assertEqual(answer["access_token"], ask(self.server, "volt").access_token.value)

    def test_a_connector_without(self):
        error = self.server.fail(request(), path=NEW)
        self.assertEqual((error.code().name, reason(error)), ("FAILED_PRECONDITION", "ACCESS_TOKEN_UNSUPPORTED"))

    def test_a_missing_credential(self):
        error = self.server.fail(request(), access_tokens.metadata("volt", password=""), path=NEW)
        self.assertEqual((error.code().name, reason(error)), ("INVALID_ARGUMENT", "AUTH_CONVERSION_FAILED"))

    def test_feature_data_is_json(self):
        asked = request()
        asked.connector_feature_data.value = "no json"
        error = self.server.fail(asked, access_tokens.metadata("volt"), path=NEW)
        self.assertEqual((error.code().name, reason(error)), ("INVALID_ARGUMENT", "INVALID_FIELDS"))

    def test_no_live_call_in_the_sandbox(self):
        error = self.server.fail(request(test_mode=False), access_tokens.metadata("volt"), path=NEW)
        self.assertEqual((error.code().name, reason(error)), ("FAILED_PRECONDITION", "SANDBOX_LIVE_CALL"))

    def test_another_one_on_demand(self):
        more = [merchant()]
        first = ask(self.server, "getnet", more=more).access_token.value
        second = ask(self.server, "getnet", more=[*more, ("cache-control", "no-cache")]).access_token.value
        self.assertNotEqual(first, second)
        self.assertEqual(ask(self.server, "getnet", more=more).access_token.value, second)


class Own(unittest.TestCase):
    """A connector of the test's own: it holds calls, and says what the test wants."""

    def setUp(self):
        self.free, self.life, self.status, self.made = threading.Event(), LIFE, 200, 0
        self.said = None  # (HTTP status, body) instead of a token
        self.free.set()
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        slashes = {"fiservcommercehub", "paypal", "trustpay"}
        urls = "".join(f"  {name}:\n    sandbox_url: {self.fake.url}{'/' if name in slashes else ''}\n" for name in access_tokens.KEYS)
        self.server = Server(workers=2, config="connectors:\n" + urls + "connector:\n  breaker_failures: 1000000\n").start()
        self.addCleanup(self.server.cleanup)
        self.addCleanup(self.server.stop)
        self.addCleanup(self.free.set)

    def answer(self, fake, path, body):
        self.free.wait(PATIENCE)
        self.made += 1
        if self.said:
            return self.said[0], {}, self.said[1]
        token = f"tok-{self.made}"
        value = {"access_token": token, "token": token, "authToken": token, "responseCode": 0, "ResultInfo": {}, "asymmetricKeyDetails": {"keyId": "k", "encodedPublicKey": token}}
        if self.life is not None:
            value.update(expires_in=self.life, seconds_to_expire=self.life,
                         expires_at=access_tokens.instant(self.server.clock.time() + self.life))
        if self.status != 200:
            value = {"error_code": "E1", "message": "no"}
        return self.status, {}, json.dumps(value)

    def calls(self):
        return len(self.fake.requests)

    def ask_together(self, count, more):
        """Calls that are all under way while the first one is with the connector: (answers, how to let it go on)."""
        self.free.clear()
        pool = concurrent.futures.ThreadPoolExecutor(count)
        self.addCleanup(pool.shutdown)
        before = self.calls()
        asked = [pool.submit(ask, self.server, "getnet", more=more) for _ in range(count)]
        wait_until(lambda: self.calls() > before, "the first call")
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") >= count, "all calls")
        return asked

    def test_what_each_api_is_asked(self):
        for connector in access_tokens.KEYS:
            with self.subTest(connector=connector):
                self.fake.requests.clear()
                self.assertEqual(ask(self.server, connector).status, SUCCESS)
                self.assertEqual(self.calls(), 1)
                access_tokens.check(self, connector, self.fake.requests[0])

    def test_one_call_however_many_ask(self):
        more = [merchant()]
        asked = self.ask_together(24, more)
        self.free.set()
        tokens = {future.result(PATIENCE).access_token.value for future in asked}
        self.assertEqual((len(tokens), self.calls()), (1, 1))

    def test_a_refusal_is_told_to_all_that_waited(self):
        more = [merchant()]
        self.status = 400
        asked = self.ask_together(24, more)
        self.free.set()
        answers = [future.result(PATIENCE) for future in asked]
        self.assertEqual({(answer.status, answer.error.connector_details.code) for answer in answers}, {(FAILURE, "E1")})
        self.assertEqual(self.calls(), 1)
        self.server.clock.pass_(1)
        self.status = 200
        self.assertEqual(ask(self.server, "getnet", more=more).status, SUCCESS)

    def test_a_refusal_by_status(self):
        self.status = 401
        for path, status, sentence in ((NEW, "UNAUTHENTICATED", "no"), (OLD, "INTERNAL", "Access Token creation failed: no")):
            error = self.server.fail(request(path), [*access_tokens.metadata("getnet"), ("x-session-errors", "status")], path=path)
            self.assertEqual((error.code().name, reason(error), error.details()), (status, "CONNECTOR_AUTH_FAILED", sentence))

    def test_refusals_that_come_otherwise(self):
        for connector, status, text, told in (
                ("kount", 400, {"oops": 1}, ("KOUNT_ERROR", "Kount request failed", "")),
                ("qwikcilver", 200, {"responseCode": 10123, "responseMessage": "Validation failed."}, ("10123", "Validation failed.", "Validation failed.")),
                ("trustpay", 200, {"ResultInfo": {"ResultCode": 1, "AdditionalInfo": "no"}}, ("1", "no", "no")),
                ("airwallex", 400, {"code": "c", "message": "m", "source": "s"}, ("c", "m s", "m"))):
            self.said = (status, json.dumps(text))
            answer = ask(self.server, connector)
            self.assertEqual(details(answer)[2:], told, connector)

    def test_a_token_without_a_life_is_nobody_elses(self):
        self.life = None
        first, _ = ask(self.server, "getnet"), self.server.clock.pass_(1)
        second = ask(self.server, "getnet")
        self.assertNotEqual(first.access_token.value, second.access_token.value)
        self.assertFalse(first.HasField("expires_in_seconds"))

    def test_it_is_renewed_before_its_end(self):
        first = ask(self.server, "getnet").access_token.value
        self.server.clock.pass_(0.7 * LIFE)
        self.assertEqual(ask(self.server, "getnet").access_token.value, first)
        self.server.clock.pass_(0.1 * LIFE)  # less than a fifth is left
        self.free.clear()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            renewing = pool.submit(ask, self.server, "getnet")
            wait_until(lambda: self.calls() == 2, "the renewal")
            self.assertEqual(ask(self.server, "getnet").access_token.value, first)  # nobody waits for it
            self.free.set()
            second = renewing.result(PATIENCE).access_token.value
        self.assertNotEqual(first, second)
        self.assertEqual((ask(self.server, "getnet").access_token.value, self.calls()), (second, 2))

    def test_a_renewal_that_fails_costs_nobody_anything(self):
        first = ask(self.server, "getnet").access_token.value
        self.server.clock.pass_(0.8 * LIFE)
        self.status = 500
        for _ in range(3):  # the first one asks, the next ones leave the connector alone for a while
            self.assertEqual(ask(self.server, "getnet").access_token.value, first)
        self.assertEqual(self.calls(), 2)
        self.server.clock.pass_(600)
        self.assertEqual(ask(self.server, "getnet").access_token.value, first)
        self.assertEqual(self.calls(), 3)
        self.server.clock.pass_(0.2 * LIFE)
        self.assertEqual(ask(self.server, "getnet").status, FAILURE)  # its end is its end

    def test_who_dies_while_it_asks_leaves_the_turn_to_the_next(self):
        self.free.clear()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            lost = pool.submit(self.server.call, request(), access_tokens.metadata("getnet"), path=NEW)
            wait_until(lambda: self.calls() == 1, "the call")
            workers = self.server.workers()
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            self.assertIsNotNone(lost.exception(PATIENCE))
        self.free.set()
        wait_until(lambda: self.server.have_replaced(workers), "new workers")
        self.server.hang_up()
        self.server.end_leases()
        self.assertEqual(ask(self.server, "getnet").status, SUCCESS)

    def test_it_outlives_a_restart_and_lies_nowhere_readable(self):
        token = ask(self.server, "getnet").access_token.value
        self.server.stop()
        self.server.start()
        self.server.hang_up()
        self.assertEqual((ask(self.server, "getnet").access_token.value, self.calls()), (token, 1))
        self.server.check_log()
        self.assertNotIn(token, self.server.log())
        for path in self.server.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(token.encode(), path.read_bytes(), path)

    def test_where_tokens_come_from_is_counted(self):
        ask(self.server, "getnet"), ask(self.server, "getnet")
        self.assertEqual([self.server.metric(f'sessiond_access_tokens_total{{source="{source}"}}') for source in ("made", "stored", "refused")],
                         [1, 1, 0])


if __name__ == "__main__":
    unittest.main()
