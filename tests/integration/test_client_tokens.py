"""Client tokens of connectors: made once for the name of a call, told again to its repetition, and never a second effect beside an unknown first one."""
import concurrent.futures
import json
import os
import signal
import threading
import unittest

import client_tokens
from client_tokens import NEW, OLD, metadata
from connector_servers import FakeConnector, Sim, details
from google.protobuf import json_format
from session_service import Sessions
from harness import PATIENCE, Server, ServerCase, initial_metadata, reason, status_details, unique, violated_fields, wait_until

ACI = [("x-connector", "aci"), ("x-connector-config", '{"config":{"Aci":{"api_key":"k","entity_id":"e"}}}')]


def ask(server, connector, name, path=NEW, more=(), credentials=None, **changes):
    answer, _ = server.call(client_tokens.request(name, path, **changes), [*metadata(connector, **credentials or {}), *more], path=path)
    return answer


def specific(answer):
    data = answer.session_data
    return json_format.MessageToDict(getattr(data, data.WhichOneof("sdk_type")), preserving_proto_field_name=True)


def told(error):
    """What an ErrorInfo says beside the reason."""
    return dict(status_details(error)[1]["google.rpc.ErrorInfo"].metadata)


class Connectors(ServerCase):
    server_options = {"workers": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sim = Sim(cls.server)

    def fail(self, name, connector="stripe", path=NEW, more=(), credentials=None, **changes):
        return self.server.fail(client_tokens.request(name, path, **changes), [*metadata(connector, **credentials or {}), *more], path=path)

    def test_each_gives_one_that_is_told_again(self):
        for connector in client_tokens.KEYS:
            with self.subTest(connector=connector):
                name, before, more = unique(), self.sim.requests(), client_tokens.MORE.get(connector, {})
                first = ask(self.server, connector, name, **more)
                self.assertFalse(first.HasField("error"), first)
                self.assertEqual((first.status_code, set(specific(first))), (201 if connector == "bluesnap" else 200, set(client_tokens.ANSWERS[connector][2])))
                self.assertEqual(ask(self.server, connector, name, **more), first)
                self.assertEqual(self.sim.requests(), before + 1)
                self.assertNotEqual(ask(self.server, connector, unique(), **more), first)

    def test_a_refusal_is_the_connectors(self):
        for connector, (key, status, said) in client_tokens.REFUSALS.items():
            with self.subTest(connector=connector):
                answer = ask(self.server, connector, unique(), credentials=key if isinstance(key, dict) else {key: "wrong"}, **client_tokens.MORE.get(connector, {}))
                self.assertEqual((answer.status_code, details(answer)[2:]), (status, said))
                self.assertFalse(answer.HasField("session_data"))

    def test_a_repetition_says_so(self):
        name = unique()
        ask(self.server, "stripe", name)
        answer, call = self.server.call(client_tokens.request(name), metadata("stripe"), path=NEW)
        self.assertEqual(initial_metadata(call).get("x-client-token-replayed"), "true")
        self.assertTrue(answer.session_data.connector_specific.stripe.client_secret.value)

    def test_the_older_generation_has_the_same_one(self):
        name = unique()
        newer, older = ask(self.server, "stripe", name), ask(self.server, "stripe", name, OLD)
        self.assertEqual(older.session_token.SerializeToString(), newer.session_data.SerializeToString())
        self.assertEqual(older.status_code, 200)

    def test_json(self):
        name, headers = unique(), [f"{key}: {value}" for key, value in metadata("stripe")]
        payment = {"amount": {"minor_amount": 10000, "currency": "USD"}}
        secret = ask(self.server, "stripe", name).session_data.connector_specific.stripe.client_secret.value
        for path, value, field in ((NEW, {"merchant_client_session_id": name, "payment": payment}, "session_data"),
                                   ("/payments/client_authentication_token", {"merchant_client_session_id": name, "payment": payment}, "session_data"),
                                   ("/payments/create_sdk_session_token", {"merchant_sdk_session_id": name, **payment}, "session_token")):
            status, _, answer = self.server.post_json(path, {**value, "test_mode": True}, headers=headers)
            self.assertEqual((status, answer["status_code"]), (200, 200))
            given = answer[field]["connector_specific"]["stripe"]["client_secret"]
            self.assertIn(secret, (given, given["value"] if isinstance(given, dict) else None))

    def test_whoever_differs_is_refused(self):
        name = unique()
        same = {"metadata": {"value": '{"a":1,"b":2}'}, "customer": {"id": "c"}, "return_url": "https://shop.example/back"}
        ask(self.server, "stripe", name, **same)
        ask(self.server, "stripe", name, **{**same, "metadata": {"value": '{ "b": 2, "a": 1 }'}})  # says the same
        for field, changes in (("payment.amount.minor_amount", {"minor": 9999}), ("payment.amount.currency", {"currency": "EUR"}),
                               ("payment.metadata", {"metadata": {"value": "else"}}), ("payment.customer", {"customer": {"id": "d"}}),
                               ("payment.return_url", {"return_url": "https://shop.example/other"}), ("payment.shipping_cost", {"shipping_cost": 1}),
                               ("payment.order_tax_amount", {"order_tax_amount": 0}), ("payment.country_alpha2_code", {"country_alpha2_code": 1}),
                               ("payment.payment_method_type", {"payment_method_type": 9}), ("permissions", {"permissions": {"values": ["p"]}}),
                               ("credentials", {"credentials": {"api_key": "sk_test_y"}})):
            with self.subTest(field=field):
                error = self.fail(name, **{**same, **changes})
                self.assertEqual((error.code().name, reason(error)), ("ALREADY_EXISTS", "CLIENT_TOKEN_CONFLICT"))
                self.assertEqual(told(error), {"differing_fields": field})

    def test_whose_it_is(self):
        name = unique()
        first = ask(self.server, "stripe", name)
        others = [ask(self.server, "stripe", name, more=[("x-merchant-id", unique())]), ask(self.server, "stripe", name, more=[("x-tenant-id", unique())])]
        self.assertEqual(len({answer.SerializeToString() for answer in (first, *others)}), 3)
        self.assertEqual(specific(ask(self.server, "nuvei", name)).keys(), {"nuvei"})

    def test_a_call_without_a_name_is_told_one(self):
        answer, call = self.server.call(client_tokens.request(""), metadata("stripe"), path=NEW)
        name = initial_metadata(call)["x-merchant-session-id"]
        self.assertEqual(ask(self.server, "stripe", name), answer)

    def test_what_is_wrong_is_named(self):
        error = self.fail("n" * 256, minor=-1, return_url="x" * 2049, shipping_cost=-1, order_tax_amount=-1, country_alpha2_code=9999,
                          payment_method_type=9999, permissions={"values": ["p"] * 33})
        self.assertEqual(set(violated_fields(error)), {"merchant_client_session_id", "payment.amount.minor_amount", "payment.return_url", "payment.shipping_cost",
                                                       "payment.order_tax_amount", "payment.country_alpha2_code", "payment.payment_method_type", "permissions"})
        error = self.fail(unique(), path=OLD, minor=-1, shipping_cost=-1)
        self.assertEqual(set(violated_fields(error)), {"amount.minor_amount", "shipping_cost"})
        empty = client_tokens.request(unique())
        empty.ClearField("payment")
        self.assertEqual(violated_fields(self.server.fail(empty, metadata("stripe"), path=NEW)), ["payment"])

    def test_a_connector_without(self):
        error = self.server.fail(client_tokens.request(unique()), ACI, path=NEW)
        self.assertEqual((error.code().name, reason(error)), ("FAILED_PRECONDITION", "CLIENT_TOKEN_UNSUPPORTED"))

    def test_no_live_call_in_the_sandbox(self):
        error = self.fail(unique(), test_mode=False)
        self.assertEqual((error.code().name, reason(error)), ("FAILED_PRECONDITION", "SANDBOX_LIVE_CALL"))


class OfSessions(ServerCase):
    """A call that names a session by x-session-token."""
    server_options = {"workers": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sim = Sim(cls.server)
        cls.sessions = Sessions(cls.server.address)

    def make(self, connector="adyen", **changes):
        """(its name, headers that name it, its token)"""
        name = unique()
        token = self.sessions.create(name, connector=metadata(connector), browser_info=None, **changes)
        return name, [("x-session-token", token), ("x-merchant-session-id", name)], token

    def fail(self, more, connector="adyen", name="", **changes):
        return self.server.fail(client_tokens.request(name, **changes), [*metadata(connector), *more], path=NEW)

    def test_one_for_the_session_whatever_its_calls_are_named(self):
        name, more, _ = self.make()
        before = self.sim.requests()
        first = ask(self.server, "adyen", "", more=more)
        self.assertTrue(specific(first)["adyen"]["session_id"])
        self.assertEqual([ask(self.server, "adyen", "", more=more), ask(self.server, "adyen", name, more=more)], [first, first])
        self.assertEqual(self.sim.requests(), before + 1)
        self.assertNotEqual(ask(self.server, "adyen", name), first)  # nobody's

    def test_the_sessions_own_payment_intent_is_the_one(self):
        for connector in ("stripe", "nuvei"):
            name, more, token = self.make(connector)
            before = self.sim.requests()
            answer, call = self.server.call(client_tokens.request(""), [*metadata(connector), *more], path=NEW)
            (given,), = [list(part.values()) for part in specific(answer).values()]
            self.assertEqual(given["value"], self.sessions.get(token, name).connector_session.token.value)
            self.assertEqual((self.sim.requests(), initial_metadata(call).get("x-client-token-replayed")), (before, "true"))

    def test_what_must_agree(self):
        name, more, token = self.make()
        for said, wanted in ((self.fail(more, minor=1), ("FAILED_PRECONDITION", "AMOUNT_MISMATCH")), (self.fail(more, currency="EUR"), ("FAILED_PRECONDITION", "AMOUNT_MISMATCH")),
                             (self.fail(more, "mollie"), ("FAILED_PRECONDITION", "CONNECTOR_MISMATCH")),
                             (self.fail([*more, ("x-merchant-id", "other")]), ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
                             (self.fail([("x-session-token", token)], name=unique()), ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
                             (self.fail([("x-session-token", "sess_x"), more[1]]), ("UNAUTHENTICATED", "TOKEN_INVALID")),
                             (self.fail([more[0]]), ("INVALID_ARGUMENT", "INVALID_FIELDS"))):
            self.assertEqual((said.code().name, reason(said)), wanted)
        ask(self.server, "adyen", "", more=more)
        self.sessions.call("RevokeSession", token, name)
        self.assertEqual(reason(self.fail(more)), "SESSION_REVOKED")

    def test_it_lives_as_long_as_the_session(self):
        name, more, token = self.make()
        first, before = ask(self.server, "adyen", "", more=more), self.sim.requests()
        self.server.clock.pass_(600)
        begun = self.sessions.call("BeginStep", token, name, name="challenge", return_url="http://localhost:3000/back", event_id="e", step_seconds=7200)
        self.assertEqual(ask(self.server, "adyen", "", more=more), first)
        self.server.clock.pass_(600)  # beyond what it had at first
        self.assertEqual(ask(self.server, "adyen", "", more=[("x-session-token", begun.session_token or token), more[1]]), first)
        self.assertEqual(self.sim.requests(), before)


class Own(unittest.TestCase):
    """A connector of the test's own: it holds calls, and says what the test wants."""

    def setUp(self):
        self.free, self.status = threading.Event(), None
        self.free.set()
        self.asked = None  # the connector whose answer is wanted
        self.said = None  # an answer in its place
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        urls = "".join(f"  {name}:\n    sandbox_url: {self.fake.url}{'/' if name in client_tokens.SLASHES else ''}\n" for name in client_tokens.KEYS)
        self.server = Server(workers=2, config="connectors:\n" + urls + "connector:\n  breaker_failures: 1000000\n").start()
        self.addCleanup(self.server.cleanup)
        self.addCleanup(self.server.stop)
        self.addCleanup(self.free.set)

    def answer(self, fake, path, body):
        self.free.wait(PATIENCE)
        if self.said:
            return self.said
        if self.status:
            return self.status, {}, '{"error":{"message":"no","code":"E1"}}'
        return client_tokens.answer_of(self.asked or "stripe", body)

    def calls(self):
        return len(self.fake.requests)

    def sent_key(self, at, connector="stripe"):
        return self.fake.requests[at][1][client_tokens.KEYED[connector]]

    def test_what_each_api_is_asked_and_what_it_answers(self):
        for connector in client_tokens.KEYS:
            with self.subTest(connector=connector):
                self.fake.requests.clear()
                self.asked, name = connector, unique()
                answer = ask(self.server, connector, name, **client_tokens.MORE.get(connector, {}))
                self.assertFalse(answer.HasField("error"), answer)
                client_tokens.check(self, connector, name, self.fake.requests[0])
                self.assertEqual(answer.status_code, client_tokens.ANSWERS[connector][0])
                self.assertEqual(specific(answer), client_tokens.ANSWERS[connector][2])

    def test_what_each_is_told_of_a_call_that_says_all(self):
        for connector, body in client_tokens.FULL_REQUESTS.items():
            with self.subTest(connector=connector):
                self.fake.requests.clear()
                self.asked, name = connector, unique()
                self.assertFalse(ask(self.server, connector, name, **client_tokens.FULL).HasField("error"))
                client_tokens.check(self, connector, name, self.fake.requests[0], body)

    def test_wallets(self):
        self.asked = "braintree"
        for kind, session in client_tokens.WALLETS.items():
            for path, field in ((NEW, "session_data"), (OLD, "session_token")):
                answer = ask(self.server, "braintree", f"wallet-{kind}", path, payment_method_type=kind, country_alpha2_code=217)
                self.assertEqual(json_format.MessageToDict(getattr(answer, field), preserving_proto_field_name=True), session)
            said = self.server.fail(client_tokens.request(unique(), payment_method_type=kind), metadata("braintree"), path=NEW)
            self.assertEqual(violated_fields(said), ["payment.country_alpha2_code"])
        for key, kind in (("apple_pay_label", 9), ("paypal_client_id", 98)):
            said = self.server.fail(client_tokens.request(unique(), payment_method_type=kind, country_alpha2_code=217), metadata("braintree", **{key: ""}), path=NEW)
            self.assertEqual((reason(said), told(said)["key"]), ("AUTH_CONVERSION_FAILED", key))

    def test_permissions(self):
        self.asked = "globalpay"
        ask(self.server, "globalpay", unique(), permissions={"values": ["PMT_POST_Create_Single", 'a"b']})
        self.assertEqual(json.loads(self.fake.requests[0][2])["permissions"], ["PMT_POST_Create_Single", 'a"b'])

    def test_what_a_connector_needs(self):
        for connector, field in client_tokens.NEEDS.items():
            error = self.server.fail(client_tokens.request(unique()), metadata(connector), path=NEW)
            self.assertEqual((error.code().name, reason(error), violated_fields(error)), ("INVALID_ARGUMENT", "INVALID_FIELDS", [field]))
        error = self.server.fail(client_tokens.request(unique(), OLD), metadata("billwerk"), path=OLD)
        self.assertEqual(violated_fields(error), ["customer.id"])
        error = self.server.fail(client_tokens.request("n" * 19, return_url="https://shop.example"), metadata("nexixpay"), path=NEW)
        self.assertEqual(violated_fields(error), ["merchant_client_session_id"])
        self.assertEqual(self.calls(), 0)
        self.asked = "nexixpay"
        ask(self.server, "nexixpay", "pay_" + "n" * 18, return_url="https://shop.example")
        self.assertEqual(json.loads(self.fake.requests[0][2])["order"]["orderId"], "n" * 18)

    def test_refusals_that_come_otherwise(self):
        for connector, status, body, said, status_code in client_tokens.OTHER_REFUSALS:
            with self.subTest(connector=connector):
                self.said = status, {}, json.dumps(body)
                answer = ask(self.server, connector, unique(), **client_tokens.MORE.get(connector, {}))
                self.assertEqual((details(answer)[2:], answer.status_code), (said, status_code))

    def test_one_call_however_many_ask(self):
        name = unique()
        self.free.clear()
        pool = concurrent.futures.ThreadPoolExecutor(24)
        self.addCleanup(pool.shutdown)
        asked = [pool.submit(ask, self.server, "stripe", name) for _ in range(24)]
        wait_until(lambda: self.calls() > 0, "the first call")
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") >= 24, "all calls")
        self.free.set()
        self.assertEqual(len({future.result(PATIENCE).SerializeToString() for future in asked}), 1)
        self.assertEqual(self.calls(), 1)

    def test_an_unknown_outcome_is_settled_under_the_same_key(self):
        for connector in client_tokens.KEYED:
            with self.subTest(connector=connector):
                self.fake.requests.clear()
                self.asked, name, more = connector, unique(), client_tokens.MORE.get(connector, {})
                self.status = 500
                self.assertEqual(details(ask(self.server, connector, name, **more))[:2], ("CONNECTOR_ERROR", 500))
                error = self.server.fail(client_tokens.request(name, **{**more, "minor": 1}), metadata(connector), path=NEW)
                self.assertEqual((reason(error), told(error)), ("CLIENT_TOKEN_CONFLICT", {"differing_fields": "payment.amount.minor_amount", "outcome": "unknown"}))
                self.status = None
                self.assertEqual(specific(ask(self.server, connector, name, **more)), client_tokens.ANSWERS[connector][2])
                self.assertEqual(self.sent_key(0, connector), self.sent_key(-1, connector))
                ask(self.server, connector, unique(), **more)
                self.assertNotEqual(self.sent_key(-1, connector), self.sent_key(0, connector))

    def test_without_a_key_an_unknown_outcome_is_not_asked_for_again(self):
        for connector in client_tokens.KEYS.keys() - client_tokens.KEYED.keys() - client_tokens.LEAVES_NOTHING:
            with self.subTest(connector=connector):
                self.asked, name, more = connector, unique(), client_tokens.MORE.get(connector, {})
                self.status = 500
                ask(self.server, connector, name, **more)
                self.status, calls = None, self.calls()
                error = self.server.fail(client_tokens.request(name, **more), metadata(connector), path=NEW)
                self.assertEqual((error.code().name, reason(error), told(error)), ("UNAVAILABLE", "CLIENT_TOKEN_UNKNOWN", {"connector": connector}))
                self.assertEqual(self.calls(), calls)
                self.assertEqual(specific(ask(self.server, connector, unique(), **more)), client_tokens.ANSWERS[connector][2])

    def test_what_leaves_nothing_behind_is_asked_for_again(self):
        for connector in client_tokens.LEAVES_NOTHING:
            with self.subTest(connector=connector):
                self.asked, name, more = connector, unique(), client_tokens.MORE.get(connector, {})
                self.status = 500
                ask(self.server, connector, name, **more)
                self.status = None
                self.assertFalse(ask(self.server, connector, name, **{**more, "minor": 1}).HasField("error"))

    def test_a_refusal_leaves_nothing(self):
        name = unique()
        self.status = 400
        self.assertEqual(details(ask(self.server, "stripe", name)), ("CONNECTOR_DECLINED", 400, "E1", "no", "no"))
        error = self.server.fail(client_tokens.request(name), [*metadata("stripe"), ("x-session-errors", "status")], path=NEW)
        self.assertEqual((error.code().name, reason(error)), ("INVALID_ARGUMENT", "CONNECTOR_DECLINED"))
        self.status = None
        self.assertTrue(specific(ask(self.server, "stripe", name, minor=1)))

    def test_who_dies_while_it_asks_is_settled_by_the_same_call(self):
        name = unique()
        self.free.clear()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            lost = pool.submit(ask, self.server, "stripe", name)
            wait_until(lambda: self.calls() == 1, "the call")
            workers = self.server.workers()
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            self.assertIsNotNone(lost.exception(PATIENCE))
        self.free.set()
        wait_until(lambda: self.server.have_replaced(workers), "new workers")
        self.server.hang_up()
        self.server.end_leases()
        error = self.server.fail(client_tokens.request(name, minor=1), metadata("stripe"), path=NEW)
        self.assertEqual((reason(error), told(error)["outcome"]), ("CLIENT_TOKEN_CONFLICT", "unknown"))
        self.assertTrue(specific(ask(self.server, "stripe", name)))
        self.assertEqual((self.calls(), self.sent_key(0)), (2, self.sent_key(1)))

    def test_it_outlives_a_restart_and_lies_nowhere_readable(self):
        name = unique()
        first = ask(self.server, "stripe", name)
        self.server.stop()
        self.server.start()
        self.server.hang_up()
        self.assertEqual((ask(self.server, "stripe", name), self.calls()), (first, 1))
        self.server.check_log()
        secret = first.session_data.connector_specific.stripe.client_secret.value
        self.assertNotIn(secret, self.server.log())
        for path in self.server.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_it_lives_as_long_as_a_session(self):
        name = unique()
        ask(self.server, "stripe", name)
        self.server.clock.pass_(899)
        ask(self.server, "stripe", name)
        self.assertEqual(self.calls(), 1)
        self.server.clock.pass_(2)
        ask(self.server, "stripe", name, minor=1)
        self.assertEqual(self.calls(), 2)

    def test_what_becomes_of_calls_is_counted(self):
        name = unique()
        ask(self.server, "stripe", name), ask(self.server, "stripe", name)
        self.status = 400
        ask(self.server, "stripe", unique())
        self.status = 500
        unknown = unique()
        ask(self.server, "stripe", unknown)
        self.status = None
        ask(self.server, "stripe", unknown)
        self.assertEqual([self.server.metric(f'sessiond_client_tokens_total{{source="{source}"}}') for source in ("made", "settled", "replayed", "refused", "unknown")],
                         [1, 1, 1, 1, 1])


if __name__ == "__main__":
    unittest.main()
