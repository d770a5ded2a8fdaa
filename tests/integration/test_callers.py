"""Who calls: every door asks for a key, says the same of every key that is none, and lets a caller do what it may and nothing else."""
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import threading
import unittest

import grpc

from callers import CONFIG, add, as_headers, asking_server, bearer, change, ctl, key_id
from connector_servers import FakeConnector, stripe_intent
from harness import (CREATE, CREATE_NEW, PATIENCE, ROUTE, Server, claims, create_dict, create_request, has_test_hooks, message, reason, unique,
                     violated_fields, wait_until)
from session_service import EXACT, SPREAD, Sessions, connections, explain, refusal
from variants import sim_metadata

CALLERS = {
    "shop": {"merchants": "shop", "rights": "create,continue"},
    "many": {"merchants": "m1,m2", "tenants": "t1,t2"},
    "all": {"merchants": "*", "tenants": "*", "modes": "live,test"},
    "hook": {"merchants": "shop", "rights": "webhook"},
    "reader": {"merchants": "shop", "rights": "continue"},
    "live": {"merchants": "shop", "modes": "live"},
    "late": {"merchants": "shop"},
    "gone": {"merchants": "shop"},
}
ADYEN_HEADERS = as_headers(EXACT)


class Asked(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, cls.keys = asking_server(CALLERS, "redirect:\n  return_urls: [shop https://shop.example]\n", workers=2)
        cls.addClassCleanup(cls.server.cleanup)
        path = cls.server.data / "callers.yaml"
        # Over already, which sessiondctl would not write.
        text = path.read_text().replace('name: "late"', 'name: "late"\n    expires: 2020-01-01T00:00:00Z')
        path.write_text(text)
        change(cls.server, "revoke", "gone")
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def sessions(self, name, merchant=None, tenant=None):
        client = Sessions(self.server.address, bearer(self.keys[name], merchant, tenant))
        self.addCleanup(client.close)
        return client

    def create(self, metadata, path=CREATE, **changes):
        return self.server.call(create_request(unique(), path=path, **changes), [*EXACT, *metadata], path=path)[0]

    def refused(self, metadata, path=CREATE, **changes):
        """(code, reason, ErrorInfo's metadata)."""
        return explain(self.server.fail(create_request(unique(), path=path, **changes), [*EXACT, *metadata], path=path))

    def test_grpc(self):
        for path in (CREATE, CREATE_NEW):
            self.assertEqual(self.refused([], path), ("UNAUTHENTICATED", "CALLER_REQUIRED", {}))
            for metadata in (bearer(self.keys["shop"]), [("x-api-key", self.keys["shop"])],
                             [("authorization", "bEARER  " + self.keys["shop"])]):
                self.assertEqual(self.create(metadata, path).status_code, 200)

    def test_json_over_both_versions_of_http(self):
        for path in (CREATE, ROUTE):
            for version in ("--http1.1", "--http2-prior-knowledge"):
                status, headers, body = self.server.post_json(path, create_dict(unique()), version, headers=ADYEN_HEADERS)
                self.assertEqual((status, headers["www-authenticate"]), (401, 'bearer realm="sessiond"'), body)
                for credential in as_headers(bearer(self.keys["shop"])), ["x-api-key: " + self.keys["shop"]]:
                    status, _, body = self.server.post_json(path, create_dict(unique()), version, headers=ADYEN_HEADERS + credential)
                    self.assertEqual(status, 200, body)

    def test_what_is_no_key_here_is_answered_alike(self):
        """A wrong secret of a known id, an unknown id, a revoked one, an expired one, another form, another scheme."""
        shop, answers = self.keys["shop"], set()
        wrong = shop[:-1] + ("A" if shop[-1] != "A" else "B")
        for value in ("Bearer " + wrong, "Bearer " + re.sub("_[0-9a-f]{16}_", "_0123456789abcdef_", shop), "Bearer " + self.keys["gone"],
                      "Bearer " + self.keys["late"], "Bearer x", "Bearer " + shop + "x", "Basic " + shop, shop[8:], "Bearer"):
            status, headers, body = self.server.curl(CREATE, "-X", "POST", data=b"{}", headers=["content-type: application/json",
                                                                                             "authorization: " + value])
            for name in ("date", "x-request-id"):
                del headers[name]
            answers.add((status, str(sorted(headers.items())), body))
        self.assertEqual(len(answers), 1, answers)
        self.assertIn(b"CALLER_UNKNOWN", answers.pop()[2])
        for verdict in ("unknown", "revoked", "expired"):
            self.assertRegex(self.server.metrics(), f'sessiond_callers_total{{verdict="{verdict}"}} [1-9]')

    def test_a_key_in_the_wrong_header_is_not_logged(self):
        """An id is logged and told again, so one that is a key is replaced."""
        key = self.keys["shop"]
        _, headers, _ = self.server.curl("/health", headers=["x-request-id: " + key])
        wait_until(lambda: [row for row in self.server.lines("request") if row["request_id"] == headers["x-request-id"]], "the line")
        self.assertNotIn(key.lower(), str(headers))
        self.assertNotIn(key, self.server.log())

    def test_two_credentials_are_refused(self):
        shop, many = self.keys["shop"], self.keys["many"]
        for metadata in ([*bearer(shop), ("x-api-key", many)], [*bearer(shop), ("x-api-key", shop)],
                         [*bearer(shop), *bearer(shop)], [("x-api-key", shop), ("x-api-key", many)]):
            self.assertEqual(self.refused(metadata), ("UNAUTHENTICATED", "CALLER_AMBIGUOUS", {}))

    def test_the_only_merchant_is_meant(self):
        token = self.create(bearer(self.keys["shop"])).session_token
        self.assertEqual(claims(token)["sub"], "shop")

    def test_of_several_one_must_be_named(self):
        for name in "many", "all":
            error = self.server.fail(create_request(unique()), [*EXACT, *bearer(self.keys[name])])
            self.assertEqual((error.code().name, violated_fields(error)), ("INVALID_ARGUMENT", ["x-merchant-id", "x-tenant-id"]))
            self.assertEqual(self.create(bearer(self.keys[name], "m2", "t1")).status_code, 200)

    def test_what_a_caller_has_not_is_named(self):
        shop, many = self.keys["shop"], self.keys["many"]
        for metadata, changes, missing in (
                (bearer(shop, "other"), {}, {"merchant": "x-merchant-id"}),
                (bearer(shop, tenant="other"), {}, {"tenant": "x-tenant-id"}),
                (bearer(many, "shop", "DefaultTenantId"), {}, {"merchant": "x-merchant-id", "tenant": "x-tenant-id"}),
                (bearer(self.keys["reader"]), {}, {"right": "create"}),
                (bearer(shop), {"test_mode": False}, {"mode": "live"}),
                (bearer(self.keys["live"]), {}, {"mode": "test"})):
            self.assertEqual(self.refused(metadata, **changes), ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED", missing))

    def test_a_head_is_enough_to_be_refused(self):
        """Before the body: one that would be refused itself does not matter, and large ones are not read."""
        for credential, expected in ([], 401), (as_headers(bearer(self.keys["shop"], "other")), 403):
            status, _, _ = self.server.curl(CREATE, "-X", "POST", data=b"no JSON", headers=["content-type: application/json", *credential])
            self.assertEqual(status, expected)

    def test_with_a_token_continue_and_without_webhook(self):
        session, shop = unique(), self.sessions("shop")
        token = shop.create(session)
        event = {"event": "SESSION_EVENT_PROCESSING_STARTED", "event_id": "e"}
        self.assertEqual(refusal(self.sessions("hook").call, "AdvanceSession", token, session, **event),
                         ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED", {"right": "continue"}))
        self.assertEqual(refusal(shop.call, "AdvanceSession", None, session, **event),
                         ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED", {"right": "webhook"}))
        self.assertEqual(refusal(self.sessions("hook").call, "GetSession", token, session),
                         ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED", {"right": "continue"}))
        self.assertEqual(refusal(lambda: list(self.sessions("hook").watch(token, session))),
                         ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED", {"right": "continue"}))
        self.assertEqual(self.sessions("reader").get(token, session).merchant_session_id, session)
        self.sessions("hook").call("AdvanceSession", None, session, **event)

    def test_the_mode_of_every_call(self):
        """live's caller has no test session, and cannot ask for one."""
        session = unique()
        token = self.sessions("shop").create(session)
        for name in ("GetSession", "AdvanceSession", "UpdateSession", "BeginStep", "RevokeSession"):
            self.assertEqual(refusal(self.sessions("live").call, name, token, session, **WELL_FORMED.get(name, {})),
                             ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED", {"mode": "test"}), name)

    def test_a_callers_key_is_no_connectors(self):
        """x-api-key with x-auth is the connector's, unless it has the form of a caller's key, which a connector never gets."""
        legacy = [("x-connector", "adyen"), ("x-auth", "body-key"), ("x-key1", "m")]
        key = self.keys["shop"]
        answer, _ = self.server.call(create_request(unique()), [*legacy, ("x-api-key", "connector's"), *bearer(key)])
        self.assertEqual(answer.status_code, 200)
        error = self.server.fail(create_request(unique()), [*legacy, ("x-api-key", key)])
        self.assertEqual(reason(error), "MISSING_METADATA")

    def test_what_a_caller_of_any_merchant_sends_is_looked_at(self):
        """A card number as a merchant is refused as ever, and stands in no log line."""
        error = self.server.fail(create_request(unique()), [*EXACT, *bearer(self.keys["all"], "4111111111111111", "t")])
        self.assertEqual(reason(error), "CARD_DATA_REFUSED")
        wait_until(lambda: [row for row in self.server.lines("request") if row.get("caller") == "all"], "the log line")
        self.assertNotIn("4111111111111111", self.server.log())

    def test_open_routes_ask_nobody(self):
        self.assertEqual(self.server.curl("/health")[0], 200)
        self.assertEqual(self.server.curl("/.well-known/paseto-keys")[0], 200)
        self.assertEqual(self.server.curl("/r/none")[0], 404)
        check = self.server.grpc().unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=PATIENCE), b"\x08\x01")

    def test_reflection_is_for_callers(self):
        request = message("grpc.reflection.v1.ServerReflectionRequest")(list_services="")
        for metadata, code in ([], "UNAUTHENTICATED"), (bearer(self.keys["hook"]), None), (bearer(self.keys["many"]), None):
            stream = self.server.grpc().stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(
                iter([request.SerializeToString()]), metadata=metadata, timeout=PATIENCE)
            try:
                self.assertIsNone(code, next(stream))
            except grpc.RpcError as error:
                self.assertEqual(error.code().name, code)

    def test_no_key_is_kept_anywhere(self):
        session = unique()
        self.sessions("shop").create(session)
        self.refused(bearer(self.keys["gone"]))
        wait_until(lambda: [row for row in self.server.lines("request") if row.get("caller") == "shop"], "the call's line")
        wait_until(lambda: [row for row in self.server.lines("caller_refused") if (row["cause"], row.get("caller")) == ("revoked", "gone")],
                   "the refusal's line")
        texts = [self.server.log(), self.server.metrics()]
        texts += [path.read_bytes().decode("latin-1") for path in self.server.data.rglob("*") if path.is_file()]
        for key in self.keys.values():
            for text in texts:
                self.assertNotIn(key[25:], text)


WELL_FORMED = {"AdvanceSession": {"event": "SESSION_EVENT_REDIRECT_STARTED"}, "UpdateSession": {"amount": {"minor_amount": 1, "currency": "USD"}},
               "BeginStep": {"name": "challenge", "return_url": "https://shop.example/"}}


class Reloaded(unittest.TestCase):
    def setUp(self):
        self.server, self.keys = asking_server({"shop": {}, "other": {}}, workers=2)
        self.addCleanup(self.server.cleanup)
        self.server.start()

    def reload(self):
        self.server.tell(signal.SIGHUP, "reloaded")

    def knows(self, key):
        status, _, _ = self.server.post_json(CREATE, create_dict(unique()), headers=ADYEN_HEADERS + as_headers(bearer(key)))
        self.assertIn(status, (200, 401))
        return status == 200

    def test_rotation_and_revocation(self):
        old, new = self.keys["shop"], change(self.server, "rotate", "shop")
        late = add(self.server, "late")
        self.assertEqual([self.knows(key) for key in (old, new, late)], [True, False, False])
        self.reload()
        self.assertEqual([self.knows(key) for key in (old, new, late)], [True, True, True])
        change(self.server, "revoke", "shop", "--key", key_id(old))
        self.reload()
        self.assertEqual([self.knows(key) for key in (old, new, late)], [False, True, True])
        change(self.server, "revoke", "shop")
        self.reload()
        self.assertEqual([self.knows(key) for key in (old, new, late)], [False, False, True])
        self.server.stop()

    def test_an_open_stream_ends_with_the_reload(self):
        """Whoever watches is told no more of it from then on."""
        client = Sessions(self.server.address, bearer(self.keys["shop"]))
        self.addCleanup(client.close)
        session = unique()
        stream = client.watch(client.create(session), session)
        next(stream)
        change(self.server, "revoke", "shop")
        self.reload()
        self.assertIsInstance(stream.exception(PATIENCE), grpc.RpcError)

    def test_a_bad_file_touches_nothing(self):
        """Also a worker that is started anew meanwhile knows the callers of before."""
        path = self.server.data / "callers.yaml"
        path.write_text(path.read_text() + "    color: red\n")
        self.server.signal(signal.SIGHUP)
        line = wait_until(lambda: self.server.lines("reload_refused"), "the refusal")[0]
        self.assertRegex(line["msg"], r"callers.yaml:\d+: color: unknown key$")
        before = self.server.workers()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.server.have_replaced(before), "new workers")
        self.assertTrue(self.knows(self.keys["shop"]))
        self.assertFalse(self.server.lines("reloaded"))


class Counted(unittest.TestCase):
    """By name for the first 256, however many there are."""

    def test_more_than_there_are_places(self):
        server = Server(config=CONFIG, workers=1)
        self.addCleanup(server.cleanup)
        for name in ("first", "last"):
            add(server, name)
        path = server.data / "callers.yaml"
        head, first, last = re.split(r"(?=  - name: )", path.read_text())
        more = [re.sub("    keys:.*", "", first.replace('"first"', f'"c{i}"'), flags=re.S) for i in range(300)]
        path.write_text("".join([head, first, *more, last]))
        keys = {name: change(server, "rotate", name) for name in ("first", "last")}
        server.start()
        for name, key in keys.items():
            for merchant in (name, name, "nobody's"):
                server.post_json(CREATE, create_dict(unique()), headers=ADYEN_HEADERS + as_headers(bearer(key, merchant)))
        text = server.metrics()
        for name in ("first", "*"):
            for verdict, count in ("admitted", 2), ("refused", 1):
                self.assertIn(f'sessiond_caller_requests_total{{caller="{name}",verdict="{verdict}"}} {count}\n', text)
        self.assertEqual(text.count("sessiond_caller_requests_total{"), 2 * 257)
        server.stop()


class Withdrawn(unittest.TestCase):
    """A key that leaked is refused at the reload or upgrade, also by a worker that waits for its replacement behind one that does not come to an end."""

    def setUp(self):
        self.may_answer = threading.Event()
        self.fake = FakeConnector(self.hold)
        self.addCleanup(self.fake.close)
        self.addCleanup(self.may_answer.set)
        config = f"drain_seconds: 600\nrestart:\n  upgrade_check_seconds: 600\nconnectors:\n  stripe:\n    production_url: {self.fake.url}/\nlimits:\n  exchange_ms: 600000\n"
        self.server, self.keys = asking_server({"shop": {}, "other": {"modes": "test,live"}}, config, workers=2)
        self.addCleanup(self.server.cleanup)
        self.hook = pathlib.Path(self.server.temporary) / "hook"
        self.server.env["SESSIOND_TEST_TAKEOVER"] = str(self.hook)
        self.server.start()

    def hold(self, _fake, _path, body):
        self.may_answer.wait()
        return 200, {}, stripe_intent(body)

    def by_reload(self):
        change(self.server, "revoke", "shop")
        self.server.signal(signal.SIGHUP)
        return "reloaded"

    def test_at_once(self):
        self.withdrawn(self.by_reload)

    def by_upgrade(self):
        change(self.server, "revoke", "shop")
        self.server.signal(signal.SIGUSR2)
        return "upgraded"

    def test_by_a_new_program(self):
        self.withdrawn(self.by_upgrade)

    def while_a_program_is_tried(self):
        self.hook.write_text("hang")
        self.server.signal(signal.SIGUSR2)
        wait_until(lambda: self.server.lines("upgrade_tried"), "the trial")
        change(self.server, "revoke", "shop")
        self.hook.unlink()
        return "upgraded"

    def test_while_a_program_is_tried(self):
        if not has_test_hooks():
            self.skipTest("this build's programs cannot be told to wait (SES_TEST_HOOKS)")
        self.withdrawn(self.while_a_program_is_tried)

    def withdrawn(self, by):
        other, shop = bearer(self.keys["other"]), bearer(self.keys["shop"])
        with connections(self.server.address, SPREAD) as clients, concurrent.futures.ThreadPoolExecutor(SPREAD) as pool:
            held = [pool.submit(client.create, unique(), connector=sim_metadata("stripe"), headers=other, test_mode=False, timeout=600) for client in clients]
            wait_until(lambda: len(self.fake.requests) == SPREAD, "calls at the connector, on every worker")
            for client in clients:
                client.create(unique(), headers=shop)
            over = by()
            wait_until(lambda: self.server.lines("draining"), "one worker to leave")
            for client in clients:
                self.assertEqual(refusal(client.create, unique(), headers=shop)[1], "CALLER_UNKNOWN")
                self.assertTrue(client.create(unique(), headers=other))
            self.assertFalse([call for call in held if call.done()])
            self.assertFalse(self.server.lines(over), "the second worker is the old one still")
            self.may_answer.set()
            self.assertTrue(all(call.result() for call in held))
        self.server.stop()


class Checked(unittest.TestCase):
    """--check and start say what is wrong, and how it is mended."""

    def setUp(self):
        self.server = Server(config=CONFIG, workers=1)
        self.addCleanup(self.server.cleanup)

    def check(self):
        done = subprocess.run([*self.server.command, "--check"], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode == 0, not done.stderr, done.stderr)
        return done.stderr

    def test_before_the_first_start(self):
        self.server.data.mkdir(mode=0o700)
        self.assertIn("callers.yaml: no such file", self.check())
        add(self.server, "shop")
        self.assertEqual(self.check(), "")

    def test_faults_name_the_line_and_the_remedy(self):
        add(self.server, "shop")
        path = self.server.data / "callers.yaml"
        path.chmod(0o640)
        self.assertRegex(self.check(), "callers.yaml: mode is 0640, .* chmod it to 0600")
        path.chmod(0o600)
        text = path.read_text()
        path.write_text(text + text.partition("callers:\n")[2])
        self.assertRegex(self.check(), r"callers.yaml:\d+: this name is given twice \(first in line 4\): remove one")
        path.write_text(re.sub("keyed_by: .*", 'keyed_by: "0123456789abcdef"', text))
        self.assertRegex(self.check(), r"callers.yaml:2: keyed_by: the hashes were made with another callers.key .* rotate")
        path.write_text(text)
        self.assertEqual(self.check(), "")

    def test_a_file_that_is_not_configured_opens_nothing(self):
        add(self.server, "shop")
        config = self.server.command[self.server.command.index("--config") + 1]
        with open(config, "w", encoding="utf-8") as file:
            file.write("workers: 1\n")
        self.assertRegex(self.check(), "callers.yaml is there, but the configuration does not say `callers: callers.yaml`")
        done = subprocess.run(self.server.command, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody would be asked for a key", done.stderr)


class Command(unittest.TestCase):
    """sessiondctl callers."""

    def setUp(self):
        self.server = Server(config=CONFIG, workers=1)
        self.addCleanup(self.server.cleanup)

    def test_a_key_is_shown_once(self):
        done = ctl(self.server, "add", "shop", "--merchants", "a,b", "--modes", "test")
        key = done.stdout.strip()
        self.assertRegex(key, "^sesskey_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$")
        path = self.server.data / "callers.yaml"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        for args in (["list"], ["list", "--json"]):
            shown = change(self.server, *args)
            self.assertIn(key_id(key), shown)
            self.assertNotIn(key[25:], shown)
            for line in path.read_text().splitlines():
                if "hash:" in line:
                    self.assertNotIn(line.split('"')[1], shown)

    def test_usage(self):
        for args in (["add"], ["add", "shop"], ["add", "shop", "--merchants", "a"], ["add", "shop", "--modes", "test"],
                     ["add", "Shop", "--merchants", "a", "--modes", "test"], ["add", "s", "--merchants", "a", "--modes", "prod"],
                     ["add", "s", "--merchants", "a", "--modes", "test", "--rights", "all"],
                     ["add", "s", "--merchants", "a", "--modes", "test", "--expires", "2020-01-01T00:00:00Z"],
                     ["add", "s", "--merchants", "a", "--modes", "test", "--cert-san", "x.y"], ["revoke"], ["rotate"],
                     ["revoke", "s", "--key", "abc"]):
            done = ctl(self.server, *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertRegex(done.stderr, "^sessiondctl: .+")
        self.assertFalse((self.server.data / "callers.yaml").exists())

    def test_what_is_not_there(self):
        for args in (["list"], ["revoke", "shop"], ["rotate", "shop"]):
            self.assertEqual(ctl(self.server, *args).returncode, 1)
        add(self.server, "shop")
        self.assertEqual(ctl(self.server, "add", "shop", "--merchants", "a", "--modes", "test").returncode, 1)
        self.assertEqual(ctl(self.server, "revoke", "shop", "--key", "0123456789abcdef").returncode, 1)

    def test_comments_stay(self):
        add(self.server, "shop")
        path = self.server.data / "callers.yaml"
        path.write_text(path.read_text().replace("    rights:", "    # ticket 17\n    rights:"))
        change(self.server, "rotate", "shop")
        change(self.server, "revoke", "shop")
        add(self.server, "other", cert_san="dns:x.y,uri:spiffe://z", cert_subject="cn")
        self.assertIn("    # ticket 17\n", path.read_text())
        self.assertIn('- uri: "spiffe://z"', path.read_text())


if __name__ == "__main__":
    unittest.main()
