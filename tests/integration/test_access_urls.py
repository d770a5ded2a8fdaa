"""Which host is asked for an access token when a caller names URLs: of a connector whose tokens come from a host beside its API, only the key of
that host counts."""
import unittest

import access_tokens
from connector_servers import FakeConnector
from harness import Server, reason
from test_access_tokens import SUCCESS, ask

BESIDE = {"jpmorgan": "secondary_base_url", "truelayer": "secondary_base_url", "trustpay": "base_url_bank_redirects"}
SLASH = {"trustpay": "/"}  # whose base URLs end in one
ANSWER = '{"access_token":"%s","token_type":"Bearer","expires_in":1800,"ResultInfo":{}}'


class Hosts(unittest.TestCase):
    def setUp(self):
        self.own, self.callers = (self.fake(name) for name in ("own", "callers"))
        urls = "".join(f"  {name}:\n    sandbox_url: {self.own.url}{SLASH.get(name, '')}\n" for name in [*BESIDE, "volt"])
        self.server = Server(workers=1, config=f'connectors:\n{urls}connector:\n  base_url_hosts: ["127.0.0.1:{self.callers.port}"]\n').start()
        self.addCleanup(self.server.cleanup)
        self.addCleanup(self.server.stop)

    def fake(self, name):
        fake = FakeConnector(lambda *_: (200, {}, ANSWER % name))
        self.addCleanup(fake.close)
        return fake

    def asked(self):
        return len(self.own.requests), len(self.callers.requests)

    def test_the_apis_url_is_not_the_tokens(self):
        for at, (connector, key) in enumerate(BESIDE.items()):
            answer = ask(self.server, connector, base_url=self.callers.url)
            self.assertEqual((answer.status, answer.access_token.value, self.asked()), (SUCCESS, "own", (at + 1, at)))
            answer = ask(self.server, connector, **{key: self.callers.url + SLASH.get(connector, "")})
            self.assertEqual((answer.status, answer.access_token.value, self.asked()), (SUCCESS, "callers", (at + 1, at + 1)))
        self.assertEqual([path for path, _, _ in self.callers.requests], [access_tokens.REQUESTS[name][0] for name in BESIDE])

    def test_where_one_host_is_both(self):
        self.assertEqual(ask(self.server, "volt", base_url=self.callers.url).access_token.value, "callers")
        self.assertEqual(ask(self.server, "volt", secondary_base_url=self.callers.url).access_token.value, "own")

    def test_a_host_that_is_not_allowed(self):
        for connector, key in [*BESIDE.items(), ("volt", "base_url")]:
            with self.assertRaises(Exception) as caught:
                ask(self.server, connector, **{key: "http://127.0.0.1:1/"})
            self.assertEqual(reason(caught.exception), "BASE_URL_REFUSED", connector)
        self.assertEqual(self.asked(), (0, 0))


if __name__ == "__main__":
    unittest.main()
