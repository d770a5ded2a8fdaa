"""Which address a session call goes to: sandbox or production, the caller's base_url, and what a connector may not make us do."""
import json
import socket
import unittest

import grpc

from connector_servers import FakeConnector, Sim, details, own_channel, stripe_intent
from harness import ADYEN, CREATE, CREATE_NEW, Server, claims, create_request, reason, unique, violated_fields
from variants import SIM_CONFIGS, config, sim_metadata

CALLED = tuple(SIM_CONFIGS)


def answer_like_stripe(fake, path, body):
    return fake.answers.get(path) or (200, {}, stripe_intent(body, fake.secret))


class Addresses(unittest.TestCase):
    """Which address is called: production or sandbox, the caller's base_url, and what a connector may not make us do."""

    def setUp(self):
        self.fake, self.other = FakeConnector(answer_like_stripe), FakeConnector(answer_like_stripe)
        for fake in (self.fake, self.other):
            fake.answers, fake.secret = {}, "pi_1_secret_CANARYconnectortoken"
            self.addCleanup(fake.close)
        self.server = Server(workers=1, args=["--log-level", "debug"], config=(
            f"connectors:\n  stripe:\n    production_url: {self.fake.url}/live/\n"
            f"connector:\n  breaker_failures: 1000000\n  base_url_hosts: ['127.0.0.1:{self.other.port}', 'localhost:{self.other.port}', "
            f"'[::1]:{self.other.port}', 'api.partner.example']\n")).start()
        self.addCleanup(self.server.cleanup)
        self.sim = Sim(self.server)

    def create(self, base_url=None, test_mode=True, session=None):
        choice = {"api_key": "sk_test_x"} if base_url is None else {"api_key": "sk_test_x", "base_url": base_url}
        return own_channel(self.server, create_request(session or unique(), test_mode=test_mode),
                           [("x-connector-config", config({"Stripe": choice}))])[0]

    def test_live_calls_do_not_go_to_the_sandbox(self):
        before = self.sim.requests()
        session = unique()
        answer = self.create(test_mode=False, session=session)
        self.assertEqual(answer.status_code, 200)
        self.assertIs(claims(answer.session_token)["test"], False)
        self.assertEqual(self.sim.requests(), before)
        (path, headers, body), = self.fake.requests
        self.assertEqual(path, "/live/v1/payment_intents")
        self.assertEqual(body, "amount=10000&currency=usd&automatic_payment_methods%5Benabled%5D=true&metadata%5Border_id%5D=" + session)
        self.assertEqual({k: headers[k] for k in ("authorization", "content-type", "stripe-version", "via")},
                         {"authorization": "Bearer sk_test_x", "content-type": "application/x-www-form-urlencoded",
                          "stripe-version": "2022-11-15", "via": "HyperSwitch"})
        self.assertTrue(headers["idempotency-key"])
        self.assertNotIn(session, headers["idempotency-key"])
        self.create(test_mode=True)
        self.assertEqual((self.sim.requests(), len(self.fake.requests)), (before + 1, 1))
        self.server.stop()

    def test_connectors_own_token_stays_in_the_record(self):
        answers = [self.create(test_mode=False), self.create(base_url=f"{self.other.url}/")]
        self.fake.answers["/live/v1/payment_intents"] = (402, {}, json.dumps({"error": {"message": "no", "code": "x"}}))
        self.assertEqual(self.create(test_mode=False).status_code, 402)
        self.server.stop()
        secrets = ("CANARYconnectortoken", "sk_test_x", "pi_1_secret")
        for secret in secrets:
            self.assertNotIn(secret, self.server.log())
            for answer in answers:
                self.assertNotIn(secret, json.dumps(claims(answer.session_token)) + str(answer))
            for path in self.server.data.rglob("*"):
                if path.is_file():
                    self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_base_url_of_the_caller(self):
        for base, path in ((f"http://127.0.0.1:{self.other.port}/", "/v1/payment_intents"),
                           (f"http://127.0.0.1:{self.other.port}", "/v1/payment_intents"),
                           (f"http://localhost:{self.other.port}/a/b/", "/a/b/v1/payment_intents")):
            self.other.requests.clear()
            self.assertEqual(self.create(base_url=base).status_code, 200, base)
            self.assertEqual([r[0] for r in self.other.requests], [path])
        self.server.stop()

    def test_base_url_off_the_list_is_refused(self):
        port = self.other.port
        bad = [f"http://127.0.0.1:{self.fake.port}/", self.sim.url + "/stripe/", "http://127.0.0.1:22/", "http://127.0.0.1/",
               "http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "http://[fd00:ec2::254]/", "https://10.0.0.1/",
               # user information, and hosts that are not what they look like
               f"http://user@127.0.0.1:{port}/", f"http://u:p@127.0.0.1:{port}/", f"http://127.0.0.1:{port}@169.254.169.254/",
               f"http://127.0.0.1:{port}.evil.example/", f"http://evil.example#@127.0.0.1:{port}/", f"http://evil.example/@127.0.0.1:{port}/",
               f"http://evil.example\\@127.0.0.1:{port}/", f"http://127.0.0.1:{port}\\@evil.example/", f"http:\\\\127.0.0.1:{port}/",
               f"http://127.0.0.1%2eevil.example:{port}/", f"http://127.0.0.1:{port}%00.evil.example/", f"http://%31%32%37.0.0.1:{port}/",
               f"http:///127.0.0.1:{port}/", f"http:127.0.0.1:{port}/", f"//127.0.0.1:{port}/", f"127.0.0.1:{port}", " ",
               # other spellings of loopback
               f"http://2130706433:{port}/", f"http://0x7f000001:{port}/", f"http://0177.0.0.1:{port}/", f"http://127.1:{port}/",
               f"http://127.0.1:{port}/", f"http://127.0.0.1.:{port}/", f"http://localhost.:{port}/", f"http://[::ffff:127.0.0.1]:{port}/",
               f"http://[::]:{port}/", f"http://0.0.0.0:{port}/", f"http://[::1%25lo]:{port}/", f"http://127.0.0.1:0{port}/",
               f"http://127.0.0.1:{port + 65536}/", f"http://\uff11\uff12\uff17.0.0.1:{port}/", f"http://127\u30020.0.1:{port}/",
               # other schemes, plain http to the world, parts that a base URL has not
               "file:///etc/passwd", f"gopher://127.0.0.1:{port}/_x", f"ftp://127.0.0.1:{port}/", f"dict://127.0.0.1:{port}/", "unix:/tmp/x",
               "http://api.partner.example/", "https://api.partner.example:8443/", "https://api.partner.example.evil.example/",
               "https://evil-api.partner.example/", "https://api.partner.example./", f"http://127.0.0.1:{port}/?a=", f"http://127.0.0.1:{port}/#a",
               f"http://127.0.0.1:{port}/\r\nx: y", f"http://127.0.0.1:{port}/ HTTP/1.1", f"http://127.0.0.1:{port}/\t", f"http://127.0.0.1:{port}/" + "a" * 5000]
        before = self.sim.requests()
        for base in bad:
            with self.subTest(base=base[:60]):
                with self.assertRaises(grpc.RpcError) as caught:
                    self.create(base_url=base)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT, caught.exception.details())
                self.assertEqual(reason(caught.exception), "BASE_URL_REFUSED")
                self.assertNotIn("evil.example", caught.exception.details())
        # Also where no call would be made: a caller learns at once.
        error = self.server.fail(create_request(unique()), [("x-connector-config", config({"Adyen": {
            "api_key": "k", "merchant_account": "m", "base_url": "https://evil.example/"}}))])
        self.assertEqual(reason(error), "BASE_URL_REFUSED")
        self.assertEqual((self.sim.requests(), self.fake.requests, self.other.requests), (before, [], []))
        self.server.stop()

    def test_redirects_are_not_followed(self):
        for status in (301, 302, 303, 307, 308):
            self.fake.answers["/live/v1/payment_intents"] = (status, {"location": f"{self.other.url}/stolen"}, "")
            answer = self.create(test_mode=False)
            self.assertEqual(details(answer)[:2], ("CONNECTOR_BAD_RESPONSE", 502), status)
        self.assertEqual(self.other.requests, [])
        self.server.stop()

    def test_nobody_listens(self):
        self.fake.close()
        self.assertEqual(details(self.create(test_mode=False))[:2], ("CONNECTOR_UNREACHABLE", 502))
        self.server.stop()


    def test_nothing_leaves_the_machine(self):
        """A sandbox whose configuration is the production one, and callers who forget test_mode or name another host."""
        real = Server(workers=1, config=(
            "connectors:\n  nuvei:\n    production_url: https://192.0.2.1/ppp/api/v1\n"
            "    sandbox_url: https://192.0.2.1/ppp/api/v1\n"
            "connector:\n  base_url_hosts: ['192.0.2.1', 'api.partner.example', 'localhost.partner.example']\n")).start()
        self.addCleanup(real.cleanup)
        sim = Sim(real)
        for connector in CALLED:
            for path in (CREATE, CREATE_NEW):
                session = unique()
                request = create_request(session, path=path, test_mode=None if path == CREATE else False)
                error = real.fail(request, sim_metadata(connector), path=path)
                self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.FAILED_PRECONDITION, "SANDBOX_LIVE_CALL"), connector)
                self.assertIn("set test_mode: true", error.details())
                self.assertEqual(sim.effects(session), 0)
        for base in ("https://192.0.2.1/", "https://api.partner.example/", "https://localhost.partner.example/"):
            for test_mode in (True, False):
                error = real.fail(create_request(unique(), test_mode=test_mode),
                                  [("x-connector-config", config({"Stripe": {"api_key": "sk_live_x", "base_url": base}}))])
                self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.INVALID_ARGUMENT, "BASE_URL_REFUSED"), base)
        self.assertEqual(sim.requests(), 0)
        # Its sandbox_url is the simulator's all the same; a session without a connector's call may be a live one.
        self.assertEqual(real.call(create_request(unique()), sim_metadata("nuvei"))[0].status_code, 200)
        self.assertEqual(real.call(create_request(unique(), test_mode=False), connector="adyen", config=ADYEN)[0].status_code, 200)
        real.stop()


class Amounts(unittest.TestCase):
    """The connector's own unit of a currency, as it goes out."""

    def setUp(self):
        self.fake = FakeConnector(lambda fake, path, body: (200, {}, stripe_intent(body)))
        self.addCleanup(self.fake.close)
        self.server = Server(workers=1, config=f"connectors:\n  stripe:\n    production_url: {self.fake.url}/\n").start()
        self.addCleanup(self.server.cleanup)

    def test_stripe(self):
        for currency, minor, sent in (("UGX", 500, 50000), ("JPY", 500, 500), ("KWD", 5120, 5120), ("USD", 500, 500), ("HUF", 501, 501)):
            self.fake.requests.clear()
            request = create_request(unique(), test_mode=False, amount={"minor_amount": minor, "currency": currency})
            self.assertEqual(self.server.call(request)[0].status_code, 200, currency)
            (_, _, body), = self.fake.requests
            self.assertTrue(body.startswith(f"amount={sent}&currency={currency.lower()}&"), body)
        self.fake.requests.clear()
        for path, field in ((CREATE, "amount.minor_amount"), (CREATE_NEW, "payment.amount.minor_amount")):
            session = unique()
            error = self.server.fail(create_request(session, path=path, test_mode=False, amount={"minor_amount": 5124, "currency": "KWD"}), path=path)
            self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.INVALID_ARGUMENT, "AMOUNT_NOT_ACCEPTED"))
            self.assertEqual(error.details(), f"{field} must be a multiple of 10: stripe takes no smaller part of KWD")
            self.assertEqual(violated_fields(error), [field])
            self.assertEqual(self.fake.requests, [])
            # The id is free: the amount put right makes the session.
            right = create_request(session, path=path, test_mode=False, amount={"minor_amount": 5120, "currency": "KWD"})
            self.assertEqual(self.server.call(right, path=path)[0].status_code, 200)
            self.fake.requests.clear()
        self.server.stop()


class WithoutSandbox(unittest.TestCase):
    def test_plain_http_is_refused_even_on_the_list(self):
        fake = FakeConnector(answer_like_stripe)
        self.addCleanup(fake.close)
        server = Server(workers=1, sandbox=False, config=f"connector:\n  base_url_hosts: ['127.0.0.1:{fake.port}']\n").start()
        self.addCleanup(server.cleanup)
        error = server.fail(create_request(unique()), [("x-connector-config", config({"Stripe": {
            "api_key": "sk_test_x", "base_url": f"{fake.url}/"}}))])
        self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.INVALID_ARGUMENT, "BASE_URL_REFUSED"))
        self.assertEqual(fake.requests, [])
        server.stop()

    def test_a_name_that_leads_into_our_own_network_is_not_called(self):
        """localhost stands for any name that resolves to what is not the internet's."""
        for allowed in (False, True):
            with socket.socket() as connector:
                connector.bind(("127.0.0.1", 0))
                connector.listen()
                connector.setblocking(False)
                host = f"localhost:{connector.getsockname()[1]}"
                server = Server(workers=1, sandbox=False, config=f"connector:\n  base_url_hosts: ['{host}']\n  connect_timeout_ms: 1000\n"
                                f"  total_timeout_ms: 1000\n{'  private_addresses: allow' if allowed else ''}\n").start()
                self.addCleanup(server.cleanup)
                answer, _ = server.call(create_request(unique()), [("x-connector", "stripe"), ("x-connector-config", config({"Stripe": {
                    "api_key": "sk_test_x", "base_url": f"https://{host}/"}}))])
                if allowed:
                    connector.accept()[0].close()
                    self.assertIn(answer.status_code, (502, 504))
                else:
                    self.assertEqual(answer.status_code, 502)
                    self.assertRaises(BlockingIOError, connector.accept)
                server.stop()


if __name__ == "__main__":
    unittest.main()
